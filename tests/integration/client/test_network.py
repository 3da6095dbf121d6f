"""Through a company's proxy, to a certificate of its own authority: the usual variables do."""

from __future__ import annotations

import io
import json
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecr_vend import command_line
from ecr_vend.console import Console
from tests.client.connect_proxy import ConnectProxy, serve_proxy
from tests.client.fake_service import HOST as REGISTRY
from tests.client.fake_service import FakeService, serve
from tests.client.machine import Machine
from tests.tools_at_hand import require_tool

HOST = "vend.invalid"
ROLE = "arn:aws:iam::444455556666:role/pullers"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an authority's certificate, and one that it has signed."""
    folder = tmp_path_factory.mktemp("authority")

    def certify(name: str, *words: str) -> None:
        subprocess.run(
            [
                *(str(require_tool("openssl")), "req", "-x509", "-days", "2", "-nodes"),
                *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
                *("-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem"),
                *(word for extension in words for word in ("-addext", extension)),
                *(
                    ()
                    if name == "authority"
                    else ("-CA", "authority.pem", "-CAkey", "authority.key")
                ),
            ],
            cwd=folder,
            check=True,
            capture_output=True,
        )

    certify("authority", "keyUsage=critical,keyCertSign")
    certify(
        "service",
        f"subjectAltName=DNS:{HOST},DNS:sts.invalid",
        "basicConstraints=critical,CA:FALSE",
    )
    named = subprocess.run(
        [require_tool("openssl"), "x509", "-hash", "-noout", "-in", "authority.pem"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    (folder / "hashed").mkdir()
    (folder / "hashed" / f"{named}.0").write_bytes((folder / "authority.pem").read_bytes())
    return folder


@pytest.fixture
def far(authority: Path) -> Iterator[FakeService]:
    """Return a service over TLS, which only the proxy knows the way to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "service.pem", authority / "service.key")
    yield from serve(FakeService(), context)


@pytest.fixture
def proxy(far: FakeService) -> Iterator[ConnectProxy]:
    port = int(far.url.removesuffix("/live").rpartition(":")[2])
    yield from serve_proxy(ConnectProxy(("127.0.0.1", port)))


@pytest.fixture
def behind(machine: Machine, proxy: ConnectProxy, authority: Path) -> Machine:
    """Return a machine that reaches the service through the proxy alone."""
    machine.environ |= {
        "ECR_VEND_ENDPOINT": f"https://{HOST}/live",
        "HTTPS_PROXY": f"http://{proxy.address}",
        "AWS_CA_BUNDLE": str(authority / "authority.pem"),
    }
    return machine


def call(machine: Machine, **changes: str | None) -> tuple[str, int]:
    """Call the helper, as a process of its own, with other variables."""
    environ = {**machine.environ, **changes}
    machine.environ = {name: value for name, value in environ.items() if value is not None}
    return machine.call()


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_the_service_is_reached_through_the_proxy_of_the_environment(
    behind: Machine, proxy: ConnectProxy, far: FakeService, variable: str, scheme: str
) -> None:
    del behind.environ["HTTPS_PROXY"]
    behind.environ["NO_PROXY"] = "example.com,.internal"
    text, code = call(behind, **{variable: f"{scheme}{proxy.address}"})
    assert code == 0, text
    assert '"Secret":"token-1-of-AKIAJOBONE-' in text
    assert proxy.asked == [f"{HOST}:443"]


def test_a_socks_proxy_for_all_else_is_no_hindrance(behind: Machine, proxy: ConnectProxy) -> None:
    text, code = call(behind, ALL_PROXY="socks5h://127.0.0.1:1080")
    assert code == 0, text
    assert len(proxy.asked) == 1


@pytest.mark.parametrize(
    "value", ["socks5h://user:hunter2@127.0.0.1:1080", "http://", "http://h:hunter2", "ftp://h"]
)
def test_a_proxy_that_cannot_be_used_is_said_and_never_quoted(behind: Machine, value: str) -> None:
    text, code = call(behind, HTTPS_PROXY=value)
    assert code == 1
    assert text.startswith("ecr-vend: HTTPS_PROXY: a proxy is needed that is written http://")
    assert "hunter2" not in text


def test_a_proxy_gets_the_password_in_its_url(behind: Machine, proxy: ConnectProxy) -> None:
    proxy.password = "Basic bWU6aHVudGVyMg=="
    text, code = call(behind, HTTPS_PROXY=f"http://me:hunter2@{proxy.address}")
    assert code == 0, text
    text, code = call(behind, HTTPS_PROXY=f"http://me:wrong@{proxy.address}", ECR_VEND_TTL="60")
    assert code == 1
    assert "cannot be reached (407 Proxy Authentication Required)" in text
    assert "wrong" not in text


def test_a_role_is_assumed_through_the_proxy_too(
    behind: Machine, proxy: ConnectProxy, far: FakeService
) -> None:
    given = {"ECR_VEND_ROLE": ROLE, "AWS_ENDPOINT_URL_STS": "https://sts.invalid"}
    text, code = call(behind, **given)
    assert code == 0, text
    assert "of-ASIAROLE00000001" in text
    assert proxy.asked == ["sts.invalid:443", f"{HOST}:443"]


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_private_authority_is_believed_by_any_of_its_variables(
    behind: Machine, authority: Path, variable: str
) -> None:
    given = {"AWS_CA_BUNDLE": None, variable: str(authority / "authority.pem")}
    role = {"ECR_VEND_ROLE": ROLE, "AWS_ENDPOINT_URL_STS": "https://sts.invalid"}
    text, code = call(behind, **given | role)
    assert code == 0, text


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_DIR"])
def test_a_folder_of_authorities_is_believed(
    behind: Machine, authority: Path, variable: str
) -> None:
    text, code = call(behind, **{"AWS_CA_BUNDLE": None, variable: str(authority / "hashed")})
    assert code == 0, text


def test_the_variable_of_aws_wins(behind: Machine) -> None:
    assert call(behind, SSL_CERT_FILE="/nowhere", REQUESTS_CA_BUNDLE="/nowhere")[1] == 0


def test_a_certificate_of_an_unknown_authority_is_not_believed(
    behind: Machine, far: FakeService
) -> None:
    text, code = call(behind, AWS_CA_BUNDLE=None)
    assert code == 1
    assert f"the certificate of https://{HOST}/live is not trusted" in text
    assert "set AWS_CA_BUNDLE" in text
    assert far.asked == []


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_bundle_that_cannot_be_used_is_named(
    behind: Machine, variable: str, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    for path in ("/nowhere/ca.pem", str(empty)):
        text, code = call(behind, **{"AWS_CA_BUNDLE": None, variable: path})
        assert code == 1
        assert text.startswith(f"ecr-vend: {variable}: {path} cannot be used: ")


def doctor(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    """Return check → its last finding."""
    monkeypatch.setenv("HTTPS_PROXY", machine.environ["HTTPS_PROXY"])
    out = io.StringIO()
    console = Console(io.StringIO(), out, io.StringIO(), machine.environ)
    command_line.run(["doctor", "--json", "--registry", REGISTRY], console)
    return {finding["check"]: finding for finding in json.loads(out.getvalue())}


def test_the_doctor_goes_the_same_way_and_reads_the_certificate(
    behind: Machine, proxy: ConnectProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = doctor(behind, monkeypatch)
    assert found["proxy"]["detail"] == proxy.address
    assert found["tls"]["status"] == "warn"
    assert found["tls"]["detail"] == "the certificate is by authority and holds for 1 days"
    assert found["policy"]["status"] == "ok"


def test_the_doctor_tells_what_makes_a_certificate_believed(
    behind: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    del behind.environ["AWS_CA_BUNDLE"]
    found = doctor(behind, monkeypatch)
    assert found["tls"]["status"] == "fail"
    assert found["tls"]["cure"].startswith("set AWS_CA_BUNDLE")
    assert "policy" not in found
