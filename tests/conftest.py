"""One real mongod for the whole run; a clean database for each test that asks for it; no leaked threads."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

import rocketjob_core
from rocketjob_core import Settings
from tests.support import Processes

# Whatever is set on this machine must not reach the tests.
for name in [name for name in os.environ if name.startswith("ROCKETJOB_")] + ["MONGODB_URI", "SECRET_KEY", "PORT"]:
    if name != "ROCKETJOB_TEST_MONGODB_URI":
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rocketjob")


@pytest.fixture(scope="session")
def mongodb(data_dir: Path):
    """Environment of this run's MongoDB: the embedded server, or ROCKETJOB_TEST_MONGODB_URI."""
    os.environ["ROCKETJOB_DATA_DIR"] = str(data_dir)
    uri = os.environ.pop("ROCKETJOB_TEST_MONGODB_URI", None)
    if uri:
        os.environ["ROCKETJOB_MONGODB_URI"] = uri
    rocketjob_core.connect()
    yield Settings.load()
    rocketjob_core.disconnect()


@pytest.fixture
def db(mongodb):
    """The database, with every collection empty and every index in place."""
    rocketjob_core.connect()
    database = rocketjob_core.database()
    for collection in database.list_collection_names():
        if not collection.startswith("system.") and collection != "rocket_job.events":
            database[collection].delete_many({})
    return database


@pytest.fixture
def processes(tmp_path: Path):
    """Starts real processes and ends them, with their children, after the test."""
    started = Processes(tmp_path)
    yield started
    started.stop_all()


@pytest.fixture(autouse=True)
def no_leaked_threads():
    """Fail a test that leaves a thread behind which would hold the process up."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
    assert not left, f"left behind: {left}"


@pytest.fixture(scope="session")
def browser():
    """A real Chromium. Without one the test is skipped, with REQUIRE_BROWSER=1 it fails."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail("REQUIRE_BROWSER=1, but there is no Chromium on the PATH")
        pytest.skip("no Chromium on the PATH (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()
