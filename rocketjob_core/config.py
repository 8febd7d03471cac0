"""Settings: environment -> typed, validated, frozen. A bad value stops the program with one clear line."""

from __future__ import annotations

import difflib
import importlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from rocketjob_core.errors import ConfigurationError

PREFIX = "ROCKETJOB_"
LOG_LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
LOG_FORMATS = ("text", "json")

# Set by tests and tools of this project, not settings of a server.
_OTHER_VARIABLES = frozenset(
    {"ROCKETJOB_TEST_MONGODB_URI", "ROCKETJOB_ENVIRONMENT", "ROCKETJOB_READ_ONLY", "ROCKETJOB_TRUST_PROXY"}
)


def _positive(default: float) -> Any:
    return Field(default=default, gt=0, allow_inf_nan=False)


class Settings(BaseSettings):
    """Everything that can be set, each from the environment variable `ROCKETJOB_` + its name in capitals.

    Attributes:
        mongodb_uri: where jobs live; also from `MONGODB_URI`. Empty: the embedded server.
        slices_uri: a separate server for batch slices; empty: the same.
        data_dir: data, port and log of the embedded server. Default `.rocketjob`.
        require: modules to import so that job classes are known, comma separated.
        processes: worker processes of one server. Default: the number of CPUs.
        workers: worker threads of one server in all. Default 10.
        heartbeat_seconds: default 15. A server silent for four of these is taken for dead.
        max_poll_seconds: longest wait before an idle process asks again, default 5. Wake-ups come sooner.
        re_check_seconds: how long a throttle stands before it is looked at again, default 60.
        include, exclude: regexp on the class name, ignoring case; not both.
        where: a MongoDB condition on jobs, as JSON.
        shutdown_seconds: how long a stopping server waits for its jobs, default 30.
        encryption_keys: comma separated, newest first.
        log_level, log_format: default "info" and "text".
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", populate_by_name=True)

    mongodb_uri: SecretStr = Field(
        default=SecretStr(""), validation_alias=AliasChoices("ROCKETJOB_MONGODB_URI", "MONGODB_URI")
    )
    slices_uri: SecretStr = SecretStr("")
    data_dir: Path = Path(".rocketjob")
    require: Annotated[tuple[str, ...], NoDecode] = ()
    processes: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    workers: int = Field(default=10, ge=1)
    heartbeat_seconds: float = _positive(15)
    max_poll_seconds: float = _positive(5)
    re_check_seconds: float = _positive(60)
    include: str = ""
    exclude: str = ""
    where: Annotated[dict[str, Any] | None, NoDecode] = None
    shutdown_seconds: float = Field(default=30, ge=0, allow_inf_nan=False)
    encryption_keys: SecretStr = SecretStr("")
    log_level: str = "info"
    log_format: str = "text"

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the environment; `overrides` (command line options) win, those that are None don't count.

        Raises:
            ConfigurationError: one line that names the variable, its value and what is allowed.
        """
        _refuse_unknown_variables()
        try:
            return cls(**{name: value for name, value in overrides.items() if value is not None})
        except ValidationError as error:
            raise ConfigurationError(_one_line(error)) from None

    @field_validator("require", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("where", mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            parsed = json.loads(value)
        except ValueError as error:
            raise ValueError(f"must be a JSON object ({error})") from error
        if not isinstance(parsed, dict):
            raise ValueError('must be a JSON object, such as {"priority": {"$lte": 20}}')
        return parsed

    @field_validator("include", "exclude")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"must be a regular expression ({error})") from error
        return value

    @field_validator("log_level", "log_format")
    @classmethod
    def _one_of(cls, value: str, info: Any) -> str:
        allowed = LOG_LEVELS if info.field_name == "log_level" else LOG_FORMATS
        if value.lower() not in allowed:
            raise ValueError("must be one of " + ", ".join(allowed))
        return value.lower()

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.include and self.exclude:
            raise ValueError("ROCKETJOB_INCLUDE and ROCKETJOB_EXCLUDE are both set; use one of them")
        return self

    def environment(self) -> dict[str, str]:
        """The embedded server and modules as variables for child processes."""
        return {f"{PREFIX}DATA_DIR": str(self.data_dir.resolve()), f"{PREFIX}REQUIRE": ",".join(self.require)}


def load_job_modules(settings: Settings) -> None:
    """Import the modules of `ROCKETJOB_REQUIRE`, also from the current directory, so that job classes are known.

    Raises:
        ConfigurationError: one can't be imported; names the module, the variable and the reason.
    """
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    for module in settings.require:
        try:
            importlib.import_module(module)
        except ConfigurationError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise ConfigurationError(f"ROCKETJOB_REQUIRE: module {module!r} can't be imported ({reason})") from error


def _refuse_unknown_variables() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | _OTHER_VARIABLES
    for name in os.environ:
        if name.startswith(PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; allowed: {', '.join(sorted(known))}"
            raise ConfigurationError(f"{name}: no such setting{hint}")


def _one_line(error: ValidationError) -> str:
    problem = error.errors()[0]
    if not problem["loc"]:
        return str(problem["msg"]).removeprefix("Value error, ")
    name = str(problem["loc"][0])
    field = Settings.model_fields.get(name.lower())
    variable = name if name.startswith((PREFIX, "MONGODB")) else PREFIX + name.upper()
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        return f"{name}: no such setting"
    secret = field is not None and field.annotation is SecretStr
    shown = "" if secret else f" (got {problem['input']!r})"
    return f"{variable}: {message[0].lower() + message[1:]}{shown}"
