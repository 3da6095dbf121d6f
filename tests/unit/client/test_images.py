"""What a reference to an image names: registry, repository, tag, digest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_vend.images import LONGEST, Image, parse
from tests.client.fake_service import HOST

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "image"),
    [
        (f"{HOST}/team/app", Image(HOST, "team/app")),
        (f"{HOST}/team/app:1.2", Image(HOST, "team/app", "1.2")),
        (f"{HOST}/team/app@{DIGEST}", Image(HOST, "team/app", None, DIGEST)),
        (f"{HOST}/team/app:1.2@{DIGEST}", Image(HOST, "team/app", "1.2", DIGEST)),
        (f"{HOST.upper()}/app", Image(HOST, "app")),
        (f"{HOST}:443/app", Image(HOST, "app")),
        (f"docker://{HOST}/app", Image(HOST, "app")),
        (f"oci://{HOST}/charts/app", Image(HOST, "charts/app")),
        ("localhost/app", Image("localhost", "app")),
        ("mirror:5000/a/b__c-d", Image("mirror:5000", "a/b__c-d")),
        ("[::1]:5000/app", Image("[::1]:5000", "app")),
        ("MIRROR/app", Image("mirror", "app")),
        ("python:3.13", Image("docker.io", "library/python", "3.13")),
        ("team/app", Image("docker.io", "team/app")),
    ],
)
def test_an_image_is_read_as_docker_reads_it(text: str, image: Image) -> None:
    assert parse(text) == image


@pytest.mark.parametrize(
    "text",
    [
        "",
        HOST + "/",
        f"{HOST}//app",
        f"{HOST}/Team/app",
        f"{HOST}/app:",
        f"{HOST}/app:-x",
        f"{HOST}/app@sha256:12",
        f"{HOST}/app ",
        f"{HOST}/a___b",
        f"{HOST}/-a",
        f"user@{HOST}/app",
        f"https://{HOST}/app",
        f"docker://https://{HOST}/app",
        f"{HOST}/{'a' * LONGEST}",
        f"{HOST}/café",
    ],
)
def test_anything_else_is_no_image(text: str) -> None:
    assert parse(text) is None


@given(st.text())
def test_any_text_is_an_image_or_none(text: str) -> None:
    image = parse(text)
    assert image is None or (image.host and image.repository)


@given(st.from_regex(r"[a-z0-9]+([._-][a-z0-9]+){0,3}(/[a-z0-9]+){0,3}", fullmatch=True))
def test_what_was_written_is_what_was_read(repository: str) -> None:
    assert parse(f"{HOST}/{repository}:v1@{DIGEST}") == Image(HOST, repository, "v1", DIGEST)
