"""The image and the example around it, as far as that can be told without an engine for containers."""

import re
import subprocess
from pathlib import Path

from gateway.config import load
from gateway.playground.process import is_root
from gateway.playground.unpacked import cache
from supply.locked import REPOSITORY

TOOLS = cache() / "supply-tools" / "bin"
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
COMPOSE = (REPOSITORY / "packaging/compose.yaml").read_text()


def test_hadolint_has_nothing_to_say_about_the_dockerfile():
    done = subprocess.run(
        [TOOLS / "hadolint", REPOSITORY / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_image_runs_as_a_number_and_installs_nothing_without_hashes():
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    installs = re.findall(r"pip install ([^\\&\n]*)", DOCKERFILE)
    assert len(installs) == 3
    assert all("--require-hashes" in each or "--no-index" in each for each in installs)


def test_all_that_is_copied_into_the_image_is_let_through():
    let_through = {
        line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    assert {name for names in copied for name in names.split()} == let_through
    assert all((REPOSITORY / name).exists() for name in let_through)


def test_the_example_is_what_compose_understands():
    done = subprocess.run(
        [
            TOOLS / "check-jsonschema",
            "--builtin-schema",
            "vendor.compose-spec",
            REPOSITORY / "packaging/compose.yaml",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_both_containers_of_the_example_have_as_few_rights_as_can_be():
    services = COMPOSE.partition("\nservices:\n")[2].partition("\nnetworks:\n")[0]
    both = re.split(r"^  (?:prosody|causeway):$", services, flags=re.MULTILINE)[1:]
    assert len(both) == 2
    for each in both:
        for line in (
            "read_only: true",
            "cap_drop: [ALL]",
            'security_opt: ["no-new-privileges:true"]',
            "healthcheck:",
        ):
            assert f"    {line}\n" in each


def test_the_configuration_of_the_example_is_one_and_has_no_secret(tmp_path: Path):
    text = (REPOSITORY / "packaging/compose/config.toml").read_text()
    assert not re.search(r"^(secret|token|password)\b", text, re.MULTILINE)
    (tmp_path / "irc").write_text("a secret\n")
    (tmp_path / "irc").chmod(0o440)
    (tmp_path / "config.toml").write_text(text.replace("/run/secrets/", f"{tmp_path}/"))
    settings = load(tmp_path / "config.toml", {})
    assert settings.bridges[0].secret.get_secret_value() == "a secret"
    # Nothing but the volume can be written to.
    storage, media = settings.storage, settings.media
    assert storage.database == "sqlite:////var/lib/causeway/causeway.db"
    kept = (storage.directory, media.directory, settings.operator.socket)
    assert all(path.is_relative_to("/var/lib/causeway") for path in kept)


def test_prosody_reads_its_part_of_the_example(tmp_path: Path):
    """With the Prosody of the tests, which is older than the example's."""
    text = (REPOSITORY / "packaging/compose/prosody.cfg.lua").read_text()
    (tmp_path / "irc").write_text("a secret\n")
    for name in ("data", "certs"):
        (tmp_path / name).mkdir()
    text = text.replace("/run/secrets/", f"{tmp_path}/").replace("/var/lib/prosody", f"{tmp_path}/data")
    text = text.replace("/var/run/prosody", str(tmp_path))
    config = tmp_path / "prosody.cfg.lua"
    config.write_text(f"run_as_root = true\n{text}" if is_root() else text)
    done = subprocess.run(
        ["prosodyctl", *(["--root"] if is_root() else []), "--config", config, "check", "config"],
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert "All checks passed, congratulations!" in said, said
