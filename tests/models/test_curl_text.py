"""Requests as people paste them: JSON and curl in every dress, without their secrets."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples import create_body
from tui_app.models.curl_text import EXPORT_JOBS_PATH, LONGEST, Pasted, read_request_text
from tui_app.models.request_json import PasteError
from tui_app.models.shell_words import ansi_text, commands_of
from tui_app.present.preview import EXPORT_JOBS, Target, curl_text

TOKEN = "eyJhbGciOiJSUzI1NiJ9.c2VjcmV0LXRva2Vu.sig"
KEY = "0123clientid4567"
URL = f"https://platform.adobe.io{EXPORT_JOBS_PATH}"
BODY = {"destination": {"datasetId": "d1"}, "fields": 'it\'s, "x" \\ $HOME `y` Größe'}
JSON = json.dumps(BODY)
SECRETS = (TOKEN, KEY, "s3cr3t", "JSESSIONID=99")


def posix(*, data: str = f"-d {shlex.quote(JSON)}", newline: str = " \\\n  ") -> str:
    return newline.join(
        (
            f"curl -X POST {URL}",
            f"-H 'Authorization: Bearer {TOKEN}'",
            f"-H 'x-api-key: {KEY}'",
            "-H 'x-gw-ims-org-id: ORG@AdobeOrg'",
            "-H 'x-sandbox-name: prod'",
            "-H 'Content-Type: application/json'",
            data,
        )
    )


def assert_no_secret(found: object) -> None:
    assert [secret for secret in SECRETS if secret in repr(found) or secret in str(found)] == []


@pytest.mark.parametrize("option", ["-d", "--data", "--data-raw", "--data-binary", "--json", "--data-ascii"])
def test_every_way_to_give_data_is_read(option: str) -> None:
    assert read_request_text(posix(data=f"{option} {shlex.quote(JSON)}")).body == BODY


@pytest.mark.parametrize("newline", [" ", " \\\n", " \\\r\n  ", " \\  \n", "\n", "  "])
def test_a_command_is_read_on_one_line_and_on_many_also_without_its_backslashes(newline: str) -> None:
    found = read_request_text(posix(newline=newline))
    assert found.body == BODY
    assert found.dropped == ("the bearer token", "x-api-key")
    assert (found.org_id, found.sandbox_name) == ("ORG@AdobeOrg", "prod")
    assert found.remarks == ()
    assert_no_secret(found)


@pytest.mark.parametrize(
    "text",
    [
        JSON,
        f"\ufeff{JSON}",
        f"\n\n  {JSON}\n",
        f"```json\n{JSON}\n```\n",
        f"$ {posix()}",
        f"# the nightly one\n{posix()}",
        f"export X=1\n{posix()} | jq .id",
        f"ACCESS_TOKEN={TOKEN} {posix()}",
        f"/usr/bin/curl -d {shlex.quote(JSON)} {URL}",
        f"curl -sS -XPOST -d{shlex.quote(JSON)} '{URL}'",
        f"curl {URL} --data-raw $'{JSON.replace(chr(92), chr(92) * 2).replace(chr(39), chr(92) + chr(39))}'",
        f"curl {URL} -d @- <<'EOF'\n{JSON}\nEOF\n",
        f"curl {URL} -d @- <<EOF -H 'x-api-key: {KEY}'\n{JSON}\nEOF\n",
        f"curl {URL} 2>/dev/null -d {shlex.quote(JSON)} > out.json; echo done",
    ],
)
def test_what_stands_around_a_request_does_no_harm(text: str) -> None:
    found = read_request_text(text)
    assert found.body == BODY
    assert_no_secret(found)


def test_words_around_the_command_are_said_to_be_left_out() -> None:
    assert "left out" in read_request_text(f"{posix()} | jq .id").remarks[0]
    assert "left out" in read_request_text(f"{posix()}\n{posix()}").remarks[0]


def test_what_chrome_writes_for_bash_is_read() -> None:
    text = (
        f"curl '{URL}' \\\n  -H 'accept: */*' \\\n  -H 'authorization: Bearer {TOKEN}' \\\n  -b 'JSESSIONID=99' \\\n"
        '  --data-raw $\'{\\n  "fields": "it\\\'s \\u0021 \\u00e9"\\n}\' \\\n  --compressed'
    )
    found = read_request_text(text)
    assert found.body == {"fields": "it's ! é"}
    assert found.dropped == ("the bearer token", "the cookies")
    assert_no_secret(found)


def test_what_chrome_writes_for_cmd_is_read() -> None:
    text = (
        f'curl ^"{URL}^" ^\r\n  -H ^"authorization: Bearer {TOKEN}^" ^\r\n  -H ^"x-api-key: {KEY}^" ^\r\n'
        '  --data-raw ^"^{^\\^"fields^\\^": ^\\^"a ^& b^%^\\^"^}^"'
    )
    found = read_request_text(text)
    assert found.body == {"fields": "a & b%"}
    assert found.dropped == ("the bearer token", "x-api-key")


def test_a_command_of_powershell_is_read() -> None:
    text = f"curl.exe -X POST `\n  -H 'x-api-key: {KEY}' `\n  -d '{{\\\"fields\\\": \\\"a\\\"}}' `\n  {URL}\n"
    assert read_request_text(text).body == {"fields": "a"}


def test_carets_in_the_body_of_a_bash_command_are_data() -> None:
    assert read_request_text(f"""curl {URL} -d '{{"fields": "^"}}'""").body == {"fields": "^"}


def test_our_own_curl_text_reads_back_without_anything_dropped() -> None:
    target = Target("https://platform.adobe.io", EXPORT_JOBS, "ORG@AdobeOrg", "dev")
    found = read_request_text(curl_text(target, create_body()))
    assert found == Pasted(create_body(), (), (), "ORG@AdobeOrg", "dev")


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
            max_leaves=6,
        ),
        max_size=4,
    ).filter(lambda body: not {key.lower() for key in body} & {"access_token", "authorization", "password"})
)
def test_any_body_survives_the_shell(body: dict[str, Any]) -> None:
    target = Target("https://platform.adobe.io", EXPORT_JOBS, "O", "s")
    assert read_request_text(curl_text(target, body)).body == body
    one_line = f"curl {URL} -d {shlex.quote(json.dumps(body, ensure_ascii=False))} -H 'x-api-key: k'"
    assert read_request_text(one_line).body == body


@given(st.text(alphabet="ab \t'\"\\$-", max_size=30))
def test_words_are_those_of_the_standard_library(text: str) -> None:
    # shlex knows no $'..': a dollar before a quote is left to the tests by hand.
    text = text.replace("$'", "'").replace('$"', '"').replace("\t", " ")
    try:
        wanted = shlex.split(text)
    except ValueError:
        return
    assert [word for command in commands_of(text) for word in command.words] == wanted


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"\x41\u00e9\U0001F600", "Aé😀"),
        (r"\n\t\\\'\"", "\n\t\\'\""),
        (r"\101\0", "A\x00"),
        (r"\q", r"\q"),
        (r"\UFFFFFFFF", "\ufffd"),
    ],
)
def test_ansi_quotes(written: str, meant: str) -> None:
    assert ansi_text(written) == meant


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (f"-H 'Authorization: Bearer {TOKEN}'", "the bearer token"),
        (f"-H 'authorization:Basic {TOKEN}'", "the authorization header"),
        (f"-H 'X-Api-Key: {KEY}'", "X-Api-Key"),
        ("-H 'x-client-secret: s3cr3t'", "x-client-secret"),
        ("-H 'Cookie: JSESSIONID=99'", "the cookies"),
        ("-b JSESSIONID=99", "the cookies"),
        ("-u me:s3cr3t", "the user and password"),
        ("-ume:s3cr3t", "the user and password"),
        (f"--oauth2-bearer {TOKEN}", "the bearer token"),
        ("-H 'Bearer s3cr3t'", "a header without a name"),
        (f"'{URL}?access_token=s3cr3t'", "access_token of the address"),
        (f"'https://me:s3cr3t@platform.adobe.io{EXPORT_JOBS_PATH}'", "the user and password of the address"),
        ("-H 'x to s3cr3t ken: session token s3cr3t'", None),
    ],
)
def test_each_secret_is_dropped_and_named(options: str, named: str | None) -> None:
    found = read_request_text(f"curl {options} -d '{{}}' {URL if 'http' not in options else ''}")
    assert found.dropped == ((named,) if named else ())
    assert found.body == {}
    assert_no_secret(found)


def test_secrets_among_the_keys_of_a_body_are_dropped() -> None:
    found = read_request_text(json.dumps({"fields": "a", "Access_Token": TOKEN, "client_secret": "s3cr3t"}))
    assert found.body == {"fields": "a"}
    assert found.dropped == ("Access_Token of the body", "client_secret of the body")
    assert found.dropped_text == "Left out: Access_Token of the body, client_secret of the body; aepx uses its own."


@pytest.mark.parametrize("token", ["$ACCESS_TOKEN", "${TOKEN}", "{ACCESS_TOKEN}", "{{token}}", "<token>", "%TOKEN%"])
def test_what_only_stands_for_a_token_is_no_secret(token: str) -> None:
    found = read_request_text(f"curl {URL} -H 'Authorization: Bearer {token}' -H 'x-sandbox-name: {token}' -d '{{}}'")
    assert (found.dropped, found.sandbox_name) == ((), None)


def test_another_organization_or_sandbox_is_told() -> None:
    found = read_request_text(posix())
    assert found.strangers(org_id="ORG@AdobeOrg", sandbox_name="prod") == ()
    told = found.strangers(org_id="OTHER@AdobeOrg", sandbox_name="dev")
    assert "ORG@AdobeOrg" in told[0]
    assert "sandbox prod" in told[1]


@pytest.mark.parametrize("url", ["https://ims.example/token", f"{URL}/24115", "https://[bad"])
def test_another_address_is_a_remark(url: str) -> None:
    assert len(read_request_text(f"curl '{url}' -d '{{}}'").remarks) == 1


def test_another_path_can_be_the_right_one() -> None:
    text = "curl https://platform.adobe.io/data/foundation/catalog/dataSets -d '{}'"
    assert read_request_text(text, path="/data/foundation/catalog/dataSets").remarks == ()


def test_the_record_of_a_job_is_a_remark() -> None:
    assert "clone it" in read_request_text('{"id": 1, "status": "NEW"}').remarks[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing in it"),
        ("hello", "not JSON and no curl command"),
        ("curly hair", "not JSON and no curl command"),
        ("fetch('https://x', {})", "Copy as cURL (bash)"),
        ("Invoke-WebRequest -Uri x", "Copy as cURL (bash)"),
        (f"curl {URL} -d @body.json", "from the file body.json"),
        (f"curl {URL} --json @body.json", "--file body.json"),
        (f"curl {URL} -d @-", "standard input"),
        (f"curl {URL}", "sends no data (it is a GET)"),
        (f"curl -X DELETE {URL}", "it is a DELETE"),
        (f"curl {URL} -d a=1 -d b=2", "2 pieces of data"),
        (f"curl {URL} -F a=1", "sends a form (-F)"),
        (f"curl {URL} --data-urlencode a=1", "sends a form"),
        (f"curl {URL} -d", "ends behind -d"),
        (f"curl {URL} -d '{{", f"line 1, column {len(f'curl {URL} -d ') + 1} is never closed"),
        (f"curl {URL} -d 'client_secret=s3cr3t'", "The command's data are not JSON"),
        ("[]", "no JSON object"),
        ("[" * 100_000, "too deeply"),
        ('{"a":' * 100 + "1" + "}" * 100, "too deeply"),
        ('{"x": NaN}', "it holds NaN"),
        ('{"x": 1e999}', "beyond all bounds"),
        ('{"x": ' + "9" * 5_000 + "}", "more digits"),
        ('{"x": "a\nb"}', "Write it as an escape"),
        ('{"x": "a\x1bb"}', "Invalid control character at line 1, column 9"),
        ('{"x": "\\ud800"}', "half a character"),
        ('{"x": 1, "x": 2}', "the key x twice"),
        ("{“x”: 1}", "typographic quotes"),
        ('{"x": 1', "Its end is missing"),
        ('{"x": 1,}', "line 1, column 9"),
        ("x" * (LONGEST + 1), "too long"),
        ("{" + " " * 10_000_000 + "}", "10,000,002 characters"),
    ],
)
def test_what_is_no_request_is_told_with_cause_and_remedy(text: str, said: str) -> None:
    with pytest.raises(PasteError) as caught:
        read_request_text(text)
    error = caught.value
    assert said in str(error)
    assert error.cause.endswith(".")
    assert error.remedy.endswith(".")
    assert len(str(error)) < 300
    assert_no_secret(error)


def test_the_place_of_a_fault_is_told_in_the_text_itself() -> None:
    with pytest.raises(PasteError) as caught:
        read_request_text('{\n  "fields": oops\n}')
    assert (caught.value.line, caught.value.column) == (2, 13)
    with pytest.raises(PasteError) as caught:
        read_request_text(f"curl {URL} \\\n -d '{{oops}}'")
    assert caught.value.line is None


@given(st.text(alphabet="curl -dH'\"{}:@$\\\n^`<E1,", max_size=60))
def test_nothing_pasted_ends_in_any_other_way(text: str) -> None:
    for one in (text, f"curl {text}", f"curl -H 'Authorization: Bearer {TOKEN}' {text}"):
        try:
            found: object = read_request_text(one)
        except PasteError as error:
            found = error
        assert TOKEN not in str(found)
