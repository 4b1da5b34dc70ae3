"""What the support pages share: one clock a request, read-only metadata, and deeds that are logged."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from sessions_app.errors import LinnetError, VaultUnavailable
from sessions_app.wording import close_error_in_words

log = logging.getLogger(__name__)

#: More at a time is a slip more often than a wish.
MOST_AT_ONCE = 50
#: Says that a form was sent from an object's own page, to which the person wants to come back.
FROM_PAGE = "from_page"
CONFIRMED = "confirmed"


def request_time(request: HttpRequest) -> datetime:
    """The moment this request is about. Read once, so that no page contradicts itself."""
    if not hasattr(request, "read_at"):
        request.read_at = timezone.now()  # type: ignore[attr-defined]
    return request.read_at  # type: ignore[attr-defined, no-any-return]


def page_link(model: type[Model], pk: Any, text: str = "") -> SafeString:
    """A link to a row's page."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])
    return format_html('<a href="{}">{}</a>', address, text or pk)


def in_a_cell(text: str) -> SafeString:
    """For a narrow column: no line ends in the middle of a date or of a time."""
    whole = r'<span class="in-one-line">\g<0></span>'
    return mark_safe(re.sub(r"\d{4}-\d\d-\d\d|\d\d:\d\d UTC", whole, escape(text)))  # noqa: S308  (escaped)


class StoryChangeList(ChangeList):
    """A list whose page of rows is told in words all at once, with a fixed number of queries."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.model_admin.tell(list(self.result_list), now=request_time(request))


class StoryAdmin(admin.ModelAdmin):
    """A page that says how things stand at the moment of the request."""

    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_title = ""

    def tell(self, found: list[Any], *, now: datetime) -> None:
        """Put beside these rows what their columns and fields say. No query for each row."""
        raise NotImplementedError

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:  # noqa: ARG002
        return StoryChangeList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.tell([found], now=request_time(request))
        return found

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"title": self.list_title, **(extra_context or {})})


@dataclass(frozen=True, slots=True)
class Deed:
    """Something staff can do to one row: the admin action's name, its words, and whether it makes sense now."""

    action: str
    label: str
    applies: Callable[[Any], bool]
    is_grave: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked before a grave deed: what will happen, in general and to each row."""

    action: str
    title: str
    explained: Sequence[str]
    consequence: Callable[[Any], str]
    button: str


class MetadataAdmin(StoryAdmin):
    """Read-only pages of metadata. What staff may do is an action, in the list and on the row's own page."""

    change_form_template = "admin/sessions_app/metadata_change_form.html"
    confirm_template = "admin/sessions_app/confirm.html"
    deeds: ClassVar[Sequence[Deed]] = ()

    class Media:
        css = {"all": ["sessions_app/admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:  # noqa: ARG002
        """The filters on the page and no other: Django's would let a person probe fields that are not shown."""
        dates = [f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day")]
        return lookup in {*(shown.parameter_name for shown in self.list_filter), *dates}

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        allowed = self.get_actions(request)
        row = kwargs.get("obj")
        context["deeds"] = [deed for deed in self.deeds if deed.action in allowed and deed.applies(row)]
        context["from_page"] = FROM_PAGE
        return super().render_change_form(request, context, *args, **kwargs)

    def chosen(self, request: HttpRequest, rows: QuerySet[Any]) -> list[Any]:
        """The rows an action is about, told; empty, with a message, when they are none or too many."""
        found = list(rows[: MOST_AT_ONCE + 1])
        if not found:
            self.message_user(
                request, "Nothing was done: what you chose is not in this list any more.", messages.WARNING
            )
        if len(found) > MOST_AT_ONCE:
            self.message_user(request, f"Nothing was done: choose at most {MOST_AT_ONCE} at a time.", messages.WARNING)
            return []
        self.tell(found, now=request_time(request))
        return found

    def ask(self, request: HttpRequest, found: list[Any], question: Question) -> HttpResponse:
        """The page between choosing a grave deed and doing it."""
        context = {
            **self.admin_site.each_context(request),
            "title": question.title,
            "opts": self.opts,
            "question": question,
            "rows": [(row, question.consequence(row)) for row in found],
            "checkbox_name": ACTION_CHECKBOX_NAME,
            "confirmed": CONFIRMED,
            "from_page": FROM_PAGE if FROM_PAGE in request.POST else "",
            "back": self._back(request, found) or request.get_full_path(),
        }
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]
        return TemplateResponse(request, self.confirm_template, context)

    def do(
        self,
        request: HttpRequest,
        found: list[Any],
        deed: Callable[[Any], str],
        *,
        done: str,
        note: Callable[[HttpRequest, Any, str], Any] | None = None,
    ) -> HttpResponse | None:
        """Do it to each row by itself, log who did it, and say what became of each.

        Args:
            deed: calls one service for one row; says what was done, without content.
            done: names the whole, for the count: "ended".
            note: writes the log entry; the usual one, of a change, when not given.
        """
        outcomes = [self._do_one(request, row, deed, note or self.log_change) for row in found]
        if len(found) > 1:
            count = sum(level == messages.SUCCESS for level, _ in outcomes)
            level = messages.SUCCESS if count == len(found) else messages.WARNING
            self.message_user(request, f"{count} of {len(found)} {done}.", level)
        for level, told in outcomes:
            self.message_user(request, told, level)
        back = self._back(request, found)
        return HttpResponseRedirect(back) if back else None

    def _do_one(
        self,
        request: HttpRequest,
        row: Any,
        deed: Callable[[Any], str],
        note: Callable[[HttpRequest, Any, str], Any],
    ) -> tuple[int, str]:
        try:
            # The deed and its log entry: both or neither.
            with transaction.atomic():
                outcome = deed(row)
                note(request, row, outcome)
        except VaultUnavailable as error:
            problem = close_error_in_words("KeyMissing" if error.status == 503 else "ContentDamaged")
        except LinnetError as error:
            problem = error.detail
        except ObjectDoesNotExist:
            problem = "It is gone."
        except Exception as error:  # noqa: BLE001  (the others of the selection must still be done)
            # The class alone: the text of an unforeseen error may quote content.
            problem = close_error_in_words(type(error).__name__)
            log.error("admin_action_failed row=%s error=%s", row.pk, type(error).__name__)
        else:
            return messages.SUCCESS, f"{self.name_of(row)}: {outcome}"
        return messages.ERROR, f"{self.name_of(row)}: not done, and nothing is changed. {problem}"

    def name_of(self, row: Any) -> str:
        """A row as a message calls it."""
        return f"{self.opts.verbose_name.capitalize()} {str(row.pk)[:8]}… of {row.owner}"

    def _back(self, request: HttpRequest, found: Iterable[Any]) -> str | None:
        """The row's own page, if the person came from there and it still is."""
        for row in found:
            if FROM_PAGE in request.POST and self.get_queryset(request).filter(pk=row.pk).exists():
                return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        return None
