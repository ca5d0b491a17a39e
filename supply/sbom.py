"""The bill of materials of an installation, as CycloneDX 1.6 in JSON, on standard output:

    python -m supply.sbom

Versions and hashes are those of ``requirements/run.txt``; licences and who needs whom are what the installed packages say.
The same commit gives the same bytes: the time in it is the commit's.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import Distribution
from typing import Any

from supply.licences import licence_of
from supply.locked import REPOSITORY, REQUIREMENTS, Pin, installed, normal, pins

_NAME = re.compile(r"^[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
_IDENTIFIER = re.compile(r"^[A-Za-z0-9.+-]+$")
_NAMESPACE = uuid.UUID("8f3f6f39-1f0e-4c57-9a56-5f2d3c1b7a10")  # ours alone; any fixed one would do


def bill(
    locked: list[Pin], packages: Mapping[str, Distribution], project: Mapping[str, Any], time: int
) -> dict[str, Any]:
    """The document. ``project`` is ``[project]`` of pyproject.toml; ``time`` in Unix seconds."""
    references = {pin.name: f"pkg:pypi/{pin.name}@{pin.version}" for pin in locked}
    root = f"pkg:pypi/{project['name']}@{project['version']}"
    asked = [
        *project["dependencies"],
        *(each for some in project["optional-dependencies"].values() for each in some),
    ]
    components = [_component(pin, references[pin.name], packages.get(pin.name)) for pin in locked]
    dependencies = [{"ref": root, "dependsOn": _referred(asked, references)}]
    for pin in locked:
        package = packages.get(pin.name)
        # Extras are no part of what a package needs, unless somebody asked for them, and then they are locked anyway.
        needs = [each for each in (package.requires or [] if package else []) if not _EXTRA.search(each)]
        dependencies.append({"ref": references[pin.name], "dependsOn": _referred(needs, references)})
    content = json.dumps([components, dependencies], sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{root} {content}')}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": project["name"],
                "version": project["version"],
                "description": project["description"],
                "licenses": [{"license": {"id": project["license"]}}],
                "purl": root,
            },
        },
        "components": components,
        "dependencies": dependencies,
    }


def _component(pin: Pin, reference: str, package: Distribution | None) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": reference,
        "name": pin.name,
        "version": pin.version,
        # Any one of them: of the source archive, and of the wheels of all systems.
        "hashes": [{"alg": "SHA-256", "content": each} for each in sorted(pin.hashes)],
        "purl": reference,
        "scope": "optional" if pin.marker else "required",
    }
    if package is not None:
        licence = licence_of(pin.name, package)
        if _IDENTIFIER.match(licence):
            component["licenses"] = [{"license": {"id": licence}}]
        else:
            component["licenses"] = [{"expression": licence}]
        if summary := package.metadata.json.get("summary"):
            component["description"] = summary
    return component


def _referred(requirements: list[str], references: Mapping[str, str]) -> list[str]:
    names = {normal(match[0]) for each in requirements if (match := _NAME.match(each))}
    return sorted(references[name] for name in names if name in references)


def main() -> int:
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    time = (
        os.environ.get("SOURCE_DATE_EPOCH")
        or subprocess.run(
            ["git", "-C", str(REPOSITORY), "log", "-1", "--format=%ct"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    locked = pins(REQUIREMENTS / "run.txt")
    packages = installed()
    if missing := [pin.name for pin in locked if not pin.marker and pin.name not in packages]:
        print(
            f"scripts/sbom: not installed, so nobody knows their licences: {', '.join(missing)}",
            file=sys.stderr,
        )
        return 1
    json.dump(bill(locked, packages, project, int(time)), sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
