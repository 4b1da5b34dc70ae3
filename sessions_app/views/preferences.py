"""``/api/v1/settings/``."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from sessions_app.api.access import any_tier
from sessions_app.api.schema import problems
from sessions_app.serializers import inputs, outputs
from sessions_app.services import panel
from sessions_app.views.base import ServiceViewSet


class SettingsViewSet(ServiceViewSet):
    """The user's preferences, and the settings panel."""

    @extend_schema(responses={200: outputs.PreferencesOutput})
    @any_tier
    def retrieve(self, request: Request) -> Response:  # noqa: ARG002
        """The user's preferences."""
        return Response(outputs.PreferencesOutput(panel.read_preferences(owner_id=self.owner_id)).data)

    @extend_schema(request=inputs.PreferencesInput, responses={200: outputs.PreferencesOutput, **problems(402)})
    @any_tier
    def partial_update(self, request: Request) -> Response:
        """Change some preferences; the others stay."""
        changes = inputs.read(inputs.PreferencesInput(data=request.data))
        changed = panel.change_preferences(owner_id=self.owner_id, plan=self.plan, changes=changes)
        return Response(outputs.PreferencesOutput(changed).data)

    @extend_schema(responses={200: outputs.PanelOutput})
    @any_tier
    def panel(self, request: Request) -> Response:  # noqa: ARG002
        """Everything the settings panel shows, in one call."""
        shown = panel.read_panel(owner_id=self.owner_id, plan=self.plan, now=self.now)
        return Response(outputs.PanelOutput(shown).data)
