"""What the mix-ins of Job may take for granted, said to the type checker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rocketjob_core.job.claiming import Owner
    from rocketjob_core.mongo.document import StoredDocument

    class JobMixin(StoredDocument):
        """A part of Job: a stored document with the standard fields."""

        state: Any
        version: Any
        started_at: Any
        completed_at: Any
        percent_complete: Any
        worker_name: Any
        exception: Any
        _changed_fields: Any
        _cls_query: Any
        _owner: Owner | None
else:
    # At run time a mix-in is a plain class: mongoengine takes its fields over, and its order among the bases is free.
    JobMixin = object
