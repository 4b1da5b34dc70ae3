"""The annotators: processes that turn audio into events, and that may append them and do nothing else."""

from __future__ import annotations

from django.db import models


class Annotator(models.Model):
    """One annotator's credential. Only the digest of its token is stored."""

    name = models.CharField(max_length=64, unique=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
