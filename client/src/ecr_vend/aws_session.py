"""botocore's session, also where botocore is inside the one file of `ecr-vend.pyz`.

botocore looks for its descriptions of services, and for certificates, in folders. There, both are
read from the file as it is: nothing is unpacked, so that it works where nothing can be written.
"""

from __future__ import annotations

import json
import pkgutil
import zipfile
from typing import TYPE_CHECKING, Any

from ecr_vend import single_file

if TYPE_CHECKING:
    from botocore.session import Session

DATA = "botocore/data/"


def open_session(profile: str | None) -> Session:
    """Return a session of botocore.

    Args:
        profile: The profile to use, or None for the environment's choice.
    """
    from botocore.session import Session

    session = Session(profile=profile)
    if archive := single_file.archive():
        session.register_component("data_loader", zipped_loader(archive))
        if not session.get_config_variable("ca_bundle"):
            trust_certifi()
    return session


def zipped_loader(archive: str) -> Any:
    """Return what finds botocore's descriptions inside the file.

    They are those of `tools/artefacts/pyz.py`: any other service is not known there.
    """
    from botocore.exceptions import DataNotFoundError
    from botocore.loaders import Loader

    with zipfile.ZipFile(archive) as zipped:
        inside = [name.removeprefix(DATA) for name in zipped.namelist() if name.startswith(DATA)]
    services = [tuple(name.split("/")) for name in inside if name.count("/") == 2]

    class Zipped(Loader):
        """Looks inside the file in the place of folders."""

        def list_available_services(self, type_name: str) -> list[str]:
            wanted = f"{type_name}.json"
            return sorted({service for service, _, kind in services if kind == wanted})

        def list_api_versions(self, service_name: str, type_name: str) -> list[str]:
            wanted = (service_name, f"{type_name}.json")
            found = sorted(version for name, version, kind in services if (name, kind) == wanted)
            if not found:
                raise DataNotFoundError(data_path=service_name)
            return found

        def load_data_with_path(self, name: str) -> tuple[Any, str]:
            file = f"{name}.json"
            if file not in inside:
                raise DataNotFoundError(data_path=name)
            return json.loads(pkgutil.get_data("botocore", f"data/{file}") or b""), DATA + file

        def is_builtin_path(self, path: str) -> bool:
            return path.startswith(DATA)

    return Zipped()


def trust_certifi() -> None:
    """Have botocore believe certifi's authorities without a file that holds them."""
    import certifi
    from botocore import httpsession

    if getattr(httpsession.create_urllib3_context, "trusts_certifi", False):
        return
    make = httpsession.create_urllib3_context

    def context(*words: Any, **options: Any) -> Any:
        made = make(*words, **options)
        made.load_verify_locations(cadata=certifi.contents())
        return made

    context.trusts_certifi = True  # type: ignore[attr-defined]
    named = httpsession.get_cert_path
    httpsession.create_urllib3_context = context
    httpsession.get_cert_path = lambda verify: None if verify is True else named(verify)
