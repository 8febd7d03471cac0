"""Jobs: lists, one job, its edit form, and the actions."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import abort, current_app, flash, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from mission_control import forms
from mission_control.actions import audit
from mission_control.actions.performing import BULK_MAX, Outcome, perform_action, perform_on_many
from mission_control.actions.registry import ACTIONS
from mission_control.admin.base import View
from mission_control.admin.job_list import parse_list_request
from mission_control.auth.login import wants_json
from mission_control.auth.rights import can, current_actor, current_capabilities
from mission_control.errors import answer
from mission_control.format import raw_json, redacted
from mission_control.queries.jobs import one_job
from mission_control.queries.servers import server_of
from mission_control.show import declared_fields, exception_of, timeline
from rocketjob_core import job_class, job_classes

CODES = {"denied": 403, "missing": 404, "skipped": 409, "stale": 409, "invalid": 422, "failed": 500}


class JobsView(View):
    """`/jobs`."""

    # `act` and `act_on_many` look up the right of the action they are asked for.
    capabilities = {
        "index": "jobs.read",
        "by_state": "jobs.read",
        "show": "jobs.read",
        "edit": "jobs.edit",
        "save": "jobs.edit",
        "act": "jobs.read",
        "act_on_many": "jobs.read",
    }

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """All jobs, newest first."""
        return self._list("all")

    @expose("/<any(queued,scheduled,running,paused,failed,aborted,completed):state>")
    def by_state(self, state: str) -> ResponseReturnValue:
        """Jobs of one state, in the order that matters there."""
        return self._list(state)

    @expose("/<string(length=24):job_id>")
    def show(self, job_id: str) -> ResponseReturnValue:
        """One job."""
        job = one_job(job_id)
        if job is None:
            records = audit.of_job(job_id)
            return self.page("jobs/gone.html", code=404, job_id=job_id, records=records)
        class_name = str(job.get("_cls"))
        return self.page(
            "jobs/show.html",
            job=job,
            class_name=class_name,
            known=job_class(class_name) is not None,
            exception=exception_of(job),
            fields=declared_fields(job),
            others={name: redacted(value, class_name, name) for name, value in job.items()},
            server=server_of(job),
            timeline=timeline(job),
            records=audit.of_job(job_id) if can("audit.read") else [],
            raw=raw_json(job),
        )

    @expose("/<string(length=24):job_id>/edit")
    def edit(self, job_id: str) -> ResponseReturnValue:
        """The form of a job's editable fields."""
        job = one_job(job_id)
        if job is None:
            abort(404)
        return self._form(job, forms.inputs(job))

    @expose("/<string(length=24):job_id>/edit", methods=["POST"])
    def save(self, job_id: str) -> ResponseReturnValue:
        """Take the form over; with `then=retry` also retry."""
        job = one_job(job_id)
        if job is None:
            abort(404)
        changes, inputs = forms.read(job, request.form)
        name = "edit_and_retry" if request.form.get("then") == "retry" else "edit"
        if any(item.error for item in inputs):
            return self._form(job, inputs, code=422)
        if not changes and name == "edit":
            flash("Nothing was changed", "info")
            return redirect(url_for(".show", job_id=job_id))
        outcome = self._perform(name, job_id, changes)
        if outcome.result == "invalid":
            for item in inputs:
                item.error = outcome.errors.pop(item.name, "")
            return self._form(job, inputs, code=422, general=outcome.errors)
        return self._after(outcome, job_id)

    @expose("/<string(length=24):job_id>/do/<name>", methods=["POST"])
    def act(self, job_id: str, name: str) -> ResponseReturnValue:
        """Do one action to one job."""
        action = ACTIONS.get(name)
        if action is None or not (action.button or name == "set_priority"):
            abort(404)
        if action.confirm and can(action.capability) and not _confirmed():
            job = one_job(job_id) or abort(404)
            return self._ask(f"{action.label} {job.get('_cls')}?", action.confirm, action.label, job_id)
        values: dict[str, Any] = {}
        if name == "set_priority":
            values = {"priority": request.form.get("priority", "")}
        elif name == "fail":
            values = {"reason": request.form.get("reason", "")[:500]}
        return self._after(self._perform(name, job_id, values), job_id, gone=name == "destroy")

    @expose("/do/<name>", methods=["POST"])
    def act_on_many(self, name: str) -> ResponseReturnValue:
        """Do one action to the checked rows."""
        action = ACTIONS.get(name)
        if action is None or not action.bulk:
            abort(404)
        if not can(action.capability):
            abort(403)
        ids = list(dict.fromkeys(request.form.getlist("id")))
        if not ids or len(ids) > BULK_MAX:
            said = "Check at least one job" if not ids else f"At most {BULK_MAX} jobs at once"
            return answer(400, "Nothing was done", said) if wants_json() else self._back(said, "error")
        if not _confirmed():
            title = f"{action.label} {len(ids)} {'job' if len(ids) == 1 else 'jobs'}?"
            return self._ask(
                title, action.confirm or "Jobs that are not in a state for it are left alone.", action.label
            )
        outcome = perform_on_many(name, ids, current_actor(), current_capabilities())
        current_app.extensions["mission_control"].snapshot.forget()
        if wants_json():
            return jsonify(done=outcome.done, reasons=dict(outcome.reasons))
        return self._back(outcome.sentence(action), "success" if outcome.done else "error")

    def _list(self, state: str) -> ResponseReturnValue:
        wanted = parse_list_request(state)
        return self.page(
            "jobs/list.html",
            state=state,
            wanted=wanted,
            classes=sorted(set(job_classes()) - {"Job", "UnknownJob"}),
            bulk_actions=[
                action
                for action in ACTIONS.values()
                if action.bulk and can(action.capability) and (state == "all" or state in action.states)
            ],
        )

    def _ask(self, title: str, text: str, button: str, job_id: str | None = None) -> ResponseReturnValue:
        """The question as a page, for browsers without JavaScript; with it, a dialog has asked already."""
        fields = [(key, value) for key, value in request.form.items(multi=True) if key not in ("csrf_token", "confirm")]
        back = _own_path(request.form.get("back", ""))
        back = back or (url_for(".show", job_id=job_id) if job_id else url_for(".index"))
        return self.page("jobs/confirm.html", title=title, text=text, button=button, fields=fields, back=back)

    def _form(
        self, job: Any, inputs: list[forms.Input], code: int = 200, general: dict[str, str] | None = None
    ) -> ResponseReturnValue:
        return self.page("jobs/edit.html", code=code, job=job, inputs=inputs, general=general or {})

    def _perform(self, name: str, job_id: str, values: dict[str, Any]) -> Outcome:
        seen = request.form.get("version", "")
        outcome = perform_action(
            name,
            job_id,
            current_actor(),
            current_capabilities(),
            values=values,
            version=int(seen) if seen.isascii() and seen.isdigit() else None,
            via="api" if wants_json() else "page",
        )
        current_app.extensions["mission_control"].snapshot.forget()
        return outcome

    def _after(self, outcome: Outcome, job_id: str, *, gone: bool = False) -> ResponseReturnValue:
        """A person goes back to where they were; what was refused is said, with the status that fits."""
        if wants_json():
            body = {"result": outcome.result, "text": outcome.text, "errors": outcome.errors}
            return jsonify(body), CODES.get(outcome.result, 200)
        if outcome.ok:
            return self._back(outcome.text, "success", None if gone else url_for(".show", job_id=job_id))
        code = CODES[outcome.result]
        if outcome.result == "denied":
            abort(403)
        text = outcome.text[0].upper() + outcome.text[1:]
        return self.page("jobs/refused.html", code=code, job_id=job_id, text=text, job=one_job(job_id))

    def _back(self, text: str, kind: str, otherwise: str | None = None) -> ResponseReturnValue:
        flash(text, kind)
        return redirect(_own_path(request.form.get("back", "")) or otherwise or url_for(".index"))


def _confirmed() -> bool:
    return request.form.get("confirm") == "yes" or wants_json()


def _own_path(target: str) -> str | None:
    """A path of this application; None for anything that would lead elsewhere."""
    parts = urlsplit(target)
    inside = target.startswith("/") and not target.startswith(("//", "/\\")) and "\\" not in target
    return target if inside and not parts.scheme and not parts.netloc else None
