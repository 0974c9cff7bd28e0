"""Settings: what is refused, what goes over what, and that no secret is shown."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from promptlab.core.config import Settings, SettingsFile, settle
from promptlab.core.environment import Environment, read_dotenv
from promptlab.core.errors import UsageError
from promptlab.engine.providers.factory import build_provider

KEY = "sk-test-abcdef0123456789"


def file(**values: Any) -> SettingsFile:
    return SettingsFile.model_validate({"version": 1, **values})


def settings(process: dict[str, str] | None = None, **values: Any) -> Settings:
    return settle(file(**values), environment=Environment(process or {}))


def test_sources_go_over_each_other_in_order() -> None:
    """
    Given a model said by every source,
    when sources are taken away from the top,
    then the next below counts, and says where it is from.
    """
    project, user = file(model="openai/project"), file(model="openai/user")
    process, dotenv = {"PROMPTLAB_MODEL": "openai/process"}, {"PROMPTLAB_MODEL": "openai/dotenv"}
    flags = {"model": "openai/flag"}

    layers = [
        settle(project, environment=Environment(process, dotenv), user=user, flags=flags),
        settle(project, environment=Environment(process, dotenv), user=user),
        settle(project, environment=Environment({}, dotenv), user=user),
        settle(project, environment=Environment(), user=user),
        settle(environment=Environment(), user=user),
        settle(environment=Environment()),
    ]

    assert [layer.model for layer in layers] == [
        "openai/flag",
        "openai/process",
        "openai/dotenv",
        "openai/project",
        "openai/user",
        None,
    ]
    assert [next(layer.rows()).origin for layer in layers] == [
        "--model",
        "PROMPTLAB_MODEL (environment)",
        "PROMPTLAB_MODEL (.env)",
        "promptlab.yaml",
        "user config",
        "default",
    ]


def test_a_projects_limit_goes_before_the_users() -> None:
    """
    Given a limit in the user's file, and once another in the project's,
    when they are settled,
    then the project's holds where there is one.
    """
    user = file(limits={"cost_usd": 20.0})

    alone = settle(None, environment=Environment(), user=user)
    both = settle(file(limits={"cost_usd": 5}), environment=Environment(), user=user)

    assert (alone.limits.cost_usd, both.limits.cost_usd) == (20, 5)


REFUSED = [
    ({"modle": "openai/x"}, ("modle",), "Extra inputs"),
    ({"version": 2}, ("version",), "Input should be 1"),
    ({"judges": "openai/x"}, ("judges",), "Extra inputs"),
    ({"limits": {"cost_usd_per_day": 0}}, ("limits", "cost_usd_per_day"), "greater than 0"),
    ({"model": "gpt-4o"}, ("model",), "pattern"),
    ({"providers": {"a": {"api_key": "sk-proj-literal"}}}, ("providers", "a", "api_key"), "say \\${NAME}"),
    ({"providers": {"a": {"headers": {"X-Api-Key": "abc"}}}}, ("providers", "a", "headers"), "X-Api-Key"),
    ({"providers": {"a": {"headers": {"X-A": "b\r\nc: d"}}}}, ("providers", "a", "headers"), "characters"),
    ({"providers": {"a": {"timeout": 0}}}, ("providers", "a", "timeout"), "greater than 0"),
    ({"limits": {"cost_usd": -1}}, ("limits", "cost_usd"), "greater than 0"),
    ({"prices": {"a/*": {"input": 1}}}, ("prices", "a/*", "output"), "required"),
]


@pytest.mark.parametrize(("values", "place", "said"), REFUSED)
def test_a_wrong_value_is_refused_at_its_place(
    values: dict[str, Any], place: tuple[str, ...], said: str
) -> None:
    """
    Given a settings file with a fault,
    when it is validated,
    then the problem has the place and says what is wrong.
    """
    with pytest.raises(ValidationError, match=said) as caught:
        file(**values)

    assert caught.value.errors()[0]["loc"] == place
    assert "sk-proj-literal" not in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest",
        "https://169.254.169.254/latest",
        "http://[fe80::1]/v1",
        "http://[::ffff:169.254.169.254]/v1",
        "http://metadata.google.internal/v1",
        "https://[fd00:ec2::254]/v1",
        "http://2852039166/v1",
        "http://0x7f.1/v1",
        "http://api.example.com/v1",
        "http://8.8.8.8/v1",
        "http://0.0.0.0:8000/v1",
        "https://user:hunter2@api.example.com/v1",
        "ftp://127.0.0.1/v1",
        "https://api.example.com:port/v1",
        "https://api.example.com/v1?key=1",
        "https://api.example.com/v1/../admin",
        "api.example.com",
    ],
)
def test_an_address_that_no_request_may_go_to_is_refused(address: str) -> None:
    """
    Given a link-local, metadata, plain, misspelt or roundabout address, or one with a password,
    when the file is validated,
    then it is refused, without showing the password.
    """
    with pytest.raises(ValidationError) as caught:
        file(providers={"a": {"base_url": address}})

    assert "hunter2" not in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8000/v1",
        "http://[::1]:1/v1",
        "http://10.1.2.3/v1",
        "http://vllm:8000",
        "https://a.example",
    ],
)
def test_an_address_nearby_or_over_https_is_taken(address: str) -> None:
    """
    Given a plain address nearby, or a secure one,
    when the file is validated,
    then it is kept.
    """
    assert file(providers={"a": {"base_url": address}}).providers["a"].base_url == address


@pytest.mark.parametrize(
    "key", ["", "  ", "abc def", "abc\n", '"abc"', "'abc'", "abc\x00def", "abc\x7f", "schlüssel", "a\u200bb"]
)
def test_a_malformed_key_is_told_by_its_variable(key: str) -> None:
    """
    Given a key that cannot go into a header,
    when its provider is checked,
    then the message names the variable and not the value.
    """
    provider: Any = build_provider("openai", settings({"OPENAI_API_KEY": key}))

    with pytest.raises(UsageError, match="malformed key: OPENAI_API_KEY") as caught:
        provider.check("gpt-4o")

    assert "abc" not in caught.value.message


def test_a_missing_key_names_the_variable_to_set() -> None:
    """
    Given no key,
    when a vendor's provider is checked,
    then the message says what to export.
    """
    provider: Any = build_provider("anthropic", settings())

    with pytest.raises(UsageError, match="export ANTHROPIC_API_KEY"):
        provider.check("claude-sonnet-4-5")


def test_an_unknown_provider_is_suggested() -> None:
    """
    Given a provider's name with a slip,
    when it is built,
    then the one that was meant is suggested.
    """
    with pytest.raises(UsageError, match="did you mean 'openai'"):
        build_provider("openia", settings())


def test_an_address_in_a_projects_file_gets_no_key_that_it_does_not_name() -> None:
    """
    Given a project's file that moves a vendor's provider elsewhere,
    when it is built,
    then the vendor's own key does not go there.
    """
    moved = settings({"OPENAI_API_KEY": KEY}, providers={"openai": {"base_url": "https://other.example/v1"}})

    provider: Any = build_provider("openai", moved)

    assert provider._options.api_key is None


def test_an_address_in_dotenv_gets_no_key_of_the_environment() -> None:
    """
    Given a project's .env that moves a vendor elsewhere, and the key in the user's environment,
    when the provider is checked,
    then it is refused.
    """
    environment = Environment({"OPENAI_API_KEY": KEY}, {"OPENAI_BASE_URL": "https://other.example/v1"})
    provider: Any = build_provider("openai", settle(environment=environment))

    with pytest.raises(UsageError, match="set both in one place"):
        provider.check("gpt-4o")


def test_an_unset_variable_of_an_address_is_named() -> None:
    """
    Given a base_url that refers to a variable that is not set,
    when the provider is built,
    then the message names place and variable.
    """
    with pytest.raises(UsageError, match=r"providers.a.base_url names \$\{NOWHERE\}"):
        build_provider("a", settings(providers={"a": {"base_url": "${NOWHERE}/v1"}}))


def test_an_expanded_address_is_held_to_the_same_rules() -> None:
    """
    Given a variable that leads to a metadata address,
    when the provider is built,
    then it is refused.
    """
    with pytest.raises(UsageError, match="link-local"):
        build_provider(
            "a", settings({"WHERE": "http://169.254.169.254"}, providers={"a": {"base_url": "${WHERE}"}})
        )


def test_no_secret_is_shown() -> None:
    """
    Given keys and a database password,
    when the settings are listed or represented,
    then none of them is there.
    """
    shown = settings(
        {
            "OPENAI_API_KEY": KEY,
            "PROMPTLAB_DATABASE_URL": "postgresql://me:pass-secret@h/db",
        },
        providers={"a": {"headers": {"X-Team": "maybe-secret"}}},
    )

    text = repr(shown) + repr(list(shown.rows())) + repr(shown.environment)

    assert not [secret for secret in (KEY, "pass-secret", "maybe-secret") if secret in text]
    assert "OPENAI_API_KEY" in text


def test_dotenv_is_read_literally(tmp_path: Path) -> None:
    """
    Given a .env with a comment, quotes and a dollar sign,
    when it is read,
    then its values are as written, and a missing file is empty.
    """
    path = tmp_path / ".env"
    path.write_text("# keys\nA='x y'\nexport B=${HOME}\nC=\nD\n", encoding="utf-8")

    assert read_dotenv(path) == {"A": "x y", "B": "${HOME}", "C": ""}
    assert read_dotenv(tmp_path / "none") == {}


def test_a_dotenv_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """
    Given a .env that is not UTF-8,
    when it is read,
    then the message names the file.
    """
    path = tmp_path / ".env"
    path.write_bytes(b"A=\xff\xfe")

    with pytest.raises(UsageError, match="UTF-8"):
        read_dotenv(path)
