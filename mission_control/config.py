"""Settings of the web page, from the environment: SECRET_KEY, PORT, WEB_CONCURRENCY and a few of our own."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from rocketjob_core import ConfigurationError, Settings

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 5000
DEFAULT_CONCURRENCY = 2
THREADS = 8
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
SECRET_KEY_MIN_CHARACTERS = 16

_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off", ""})


@dataclass(frozen=True)
class WebSettings:
    """What the web page is told.

    Attributes:
        secret_key: signs sessions; empty: a random one, kept in the data folder, for use on this host alone.
        environment: shown as a badge ("production", "staging", ...).
        read_only: no action at all, whatever the role.
        trust_proxy: believe X-Forwarded-For/-Proto/-Host of one proxy in front.
    """

    secret_key: str = ""
    environment: str = "development"
    read_only: bool = False
    trust_proxy: bool = False

    @classmethod
    def load(cls) -> WebSettings:
        """Read the environment.

        Raises:
            ConfigurationError: names the variable, its value and what is allowed.
        """
        key = os.environ.get("SECRET_KEY", "")
        if key and len(key) < SECRET_KEY_MIN_CHARACTERS:
            raise ConfigurationError(f"SECRET_KEY: must have at least {SECRET_KEY_MIN_CHARACTERS} characters")
        return cls(
            secret_key=key,
            environment=os.environ.get("ROCKETJOB_ENVIRONMENT", "development"),
            read_only=_switch("ROCKETJOB_READ_ONLY"),
            trust_proxy=_switch("ROCKETJOB_TRUST_PROXY"),
        )

    def __repr__(self) -> str:
        return f"WebSettings(environment={self.environment!r}, read_only={self.read_only})"


def bind_address() -> tuple[str, int]:
    """Host and port: PORT in the environment, as a platform sets it, means every address; else loopback, 5000."""
    if "PORT" in os.environ:
        return "0.0.0.0", whole_number("PORT", DEFAULT_PORT, 1, 65535)
    return DEFAULT_HOST, DEFAULT_PORT


def whole_number(variable: str, default: int, low: int, high: int) -> int:
    """A variable as a whole number in a range.

    Raises:
        ConfigurationError: it is something else.
    """
    text = os.environ.get(variable) or str(default)
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise ConfigurationError(f"{variable}: must be a whole number between {low} and {high} (got {text!r})")
    return int(text)


def secret_key(web: WebSettings, settings: Settings) -> str:
    """The configured key, else one made once and kept in the data folder, so that all web processes agree."""
    if web.secret_key:
        return web.secret_key
    path = Path(settings.data_dir) / "secret_key"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = path.with_name(f"secret_key.{os.getpid()}.{secrets.token_hex(4)}")
        made.touch(mode=0o600)
        made.write_text(secrets.token_hex(32))
        try:
            # A link fails where the name exists: of processes starting together one wins, and all read its key whole.
            os.link(made, path)
        except FileExistsError:
            pass
        finally:
            made.unlink()
        return path.read_text()
    except OSError as error:
        raise ConfigurationError(
            f"SECRET_KEY is not set, and none can be kept in ROCKETJOB_DATA_DIR ({error.strerror}: {path})"
        ) from error


def _switch(variable: str) -> bool:
    text = os.environ.get(variable, "").lower()
    if text not in _TRUE | _FALSE:
        raise ConfigurationError(f"{variable}: must be true or false (got {text!r})")
    return text in _TRUE
