"""Every request to the registry API needs exactly the ECR actions of its kind, or is not served."""

from __future__ import annotations

import pytest

from local.registry_api import Need, NotServed, Served, is_registry_path, needs_of

DIGEST = "sha256:" + "a" * 64

SERVED = [
    ("GET", "/v2/", ()),
    ("HEAD", "/v2", ()),
    ("GET", "/v2/team/app/manifests/1.0", ("ecr:BatchGetImage",)),
    ("HEAD", f"/v2/team/app/manifests/{DIGEST}", ("ecr:BatchGetImage",)),
    ("PUT", "/v2/team/app/manifests/latest", ("ecr:PutImage",)),
    ("DELETE", f"/v2/team/app/manifests/{DIGEST}", ("ecr:BatchDeleteImage",)),
    ("GET", f"/v2/team/app/blobs/{DIGEST}", ("ecr:GetDownloadUrlForLayer",)),
    ("HEAD", f"/v2/team/app/blobs/{DIGEST}", ("ecr:BatchCheckLayerAvailability",)),
    ("POST", "/v2/team/app/blobs/uploads/", ("ecr:InitiateLayerUpload",)),
    ("PATCH", "/v2/team/app/blobs/uploads/1-2", ("ecr:UploadLayerPart",)),
    (
        "PUT",
        "/v2/team/app/blobs/uploads/1-2",
        ("ecr:UploadLayerPart", "ecr:CompleteLayerUpload"),
    ),
    ("GET", "/v2/team/app/tags/list", ("ecr:ListImages",)),
]


@pytest.mark.parametrize(("method", "path", "actions"), SERVED)
def test_a_request_needs_the_actions_of_its_kind(
    method: str, path: str, actions: tuple[str, ...]
) -> None:
    assert needs_of(method, path, {}) == Served(tuple(Need(one, "team/app") for one in actions))


def test_the_catalogue_is_about_the_whole_registry() -> None:
    assert needs_of("GET", "/v2/_catalog", {}) == Served((Need("ecr:DescribeRepositories", "*"),))


def test_a_whole_upload_in_one_request_needs_every_action_of_an_upload() -> None:
    served = needs_of("POST", "/v2/team/app/blobs/uploads/", {"digest": [DIGEST]})
    assert isinstance(served, Served)
    assert [need.action for need in served.needs] == [
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
    ]


def test_a_mount_needs_a_pull_of_the_other_repository() -> None:
    served = needs_of(
        "POST", "/v2/team/app/blobs/uploads/", {"mount": [DIGEST], "from": ["other/app"]}
    )
    assert isinstance(served, Served)
    assert served.mount == Need("ecr:GetDownloadUrlForLayer", "other/app")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v2/", 405),
        ("DELETE", f"/v2/team/app/blobs/{DIGEST}", 405),
        ("POST", "/v2/team/app/manifests/1", 405),
        ("PATCH", "/v2/_catalog", 405),
        ("GET", "/v2/team/app", 404),
        ("GET", "/v2/team/app/referrers/" + DIGEST, 404),
        ("GET", "/v2/team/app/tags/list/more", 404),
        ("GET", "/v2/team/app/blobs/not-a-digest", 404),
        ("GET", "/v2/apis/x/routes", 404),
        ("GET", "/v2/Team/app/manifests/1", 404),
        ("GET", "/v2/../app/manifests/1", 404),
        ("GET", "/v2//manifests/1", 404),
        ("GET", "/v2/a/manifests/1", 404),
    ],
)
def test_what_the_registry_does_not_serve_is_refused(method: str, path: str, status: int) -> None:
    answer = needs_of(method, path, {})
    assert isinstance(answer, NotServed)
    assert answer.status == status


def test_a_repository_name_ends_at_the_first_word_of_the_api() -> None:
    # Otherwise IAM would be asked about one repository and the registry would serve another.
    assert isinstance(needs_of("GET", "/v2/team/tags/list/manifests/1", {}), NotServed)


@pytest.mark.parametrize(
    ("path", "ours"),
    [("/v2", True), ("/v2/", True), ("/v2/x", True), ("/v20180820/x", False), ("/", False)],
)
def test_only_paths_under_v2_are_the_registrys(path: str, ours: bool) -> None:
    assert is_registry_path(path) is ours
