"""Does the HTTP interface do what its description says, whatever it is asked?

Starts a server of its own, makes an account and a key, and has schemathesis ask everything that
docs/openapi.json describes: as the counsellor's browser, as a program with a key, and as a
stranger.  No answer may be a 5xx or anything the description does not allow.

    python run.py AMAN_BINARY [SECONDS_PER_PASS]

Run by `cargo xtask test api`, which brings schemathesis.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECKS = ",".join(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "response_headers_conformance",
    ]
)
PASSWORD = "lighthouse keeper 47"

# What would end the sign-in that the pass needs, or change its password.
ENDS_SIGN_IN = "^/api/(sign-out|sign-in|setup|invitation|account/)"


class Server:
    """One aman, in a folder that is gone afterwards."""

    def __init__(self, binary, folder):
        settings = pathlib.Path(folder, "aman.toml")
        settings.write_text("[web]\nrequests_per_account = 1000000\n")
        flags = ["--listen", "127.0.0.1:0", "--media-bind", "127.0.0.1:0", "--data", folder]
        self.process = subprocess.Popen(
            [binary, "--config", str(settings), *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.token = None
        for line in self.process.stdout:
            if "/setup#" in line:
                self.token = line.strip().split("#")[1]
            if line.startswith("ready "):
                self.url = line.split(" ")[1]
                break
        else:
            raise SystemExit(f"aman did not start: {self.process.stderr.read()}")
        self.cookie = None

    def ask(self, method, path, words=None):
        """As our own page would."""
        headers = {"origin": self.url, "content-type": "application/json"}
        if self.cookie:
            headers["cookie"] = self.cookie
        data = json.dumps(words).encode() if words is not None else None
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            cookie = answer.headers.get("set-cookie")
            if cookie:
                self.cookie = cookie.split(";")[0]
            text = answer.read()
            return json.loads(text) if text else None

    def stop(self):
        """Returns what it logged."""
        self.process.terminate()
        _, log = self.process.communicate(timeout=20)
        return log


def run(server, name, seconds, headers, filters, folder, parameters):
    """One pass of schemathesis.  Returns whether everything was as described."""
    config = pathlib.Path(folder, f"{name}.toml")
    lines = "".join(f'"path.{key}" = "{value}"\n' for key, value in parameters.items())
    config.write_text(f"[parameters]\n{lines}" if lines else "")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"]
    command += [str(ROOT / "docs/openapi.json"), "--url", server.url, "--checks", CHECKS]
    # One worker: two threads that parse at once break CPython before 3.11.5, Debian's among them
    # (https://github.com/python/cpython/issues/106905).
    command += ["--phases", "examples,coverage,fuzzing", "--workers", "1", "--no-shrink"]
    command += ["--max-time", str(seconds), "--seed", "1", "--request-timeout", "10"]
    command += ["--suppress-health-check", "all", "--continue-on-failure", "--warnings", "off"]
    for header in headers:
        command += ["--header", header]
    command += filters
    print(f"-- {name}", flush=True)
    done = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE)
    print(done.stdout, flush=True)
    tested = re.search(r"Tested: (\d+)", done.stdout)
    # A pass that asked nothing has shown nothing.
    return done.returncode == 0 and tested is not None and int(tested[1]) > 0


def main():
    binary = sys.argv[1]
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 15
    with tempfile.TemporaryDirectory() as folder:
        server = Server(binary, folder)
        try:
            results = passes(server, seconds, folder)
        finally:
            log = server.stop()
    # What the server finds worth an error is a defect, whatever it answered.
    errors = [line for line in log.splitlines() if "ERROR" in line]
    for line in errors:
        print(line)
    results["the log holds no error"] = not errors
    for name, is_good in results.items():
        print(f"{'ok' if is_good else 'BROKEN'}: {name}")
    failed = sum(not is_good for is_good in results.values())
    # As xtask counts tests.
    print(f"# pass {len(results) - failed}\n# fail {failed}")
    return 1 if failed else 0


def passes(server, seconds, folder):
    server.ask(
        "POST", "/api/setup", {"token": server.token, "name": "ruth", "password": PASSWORD}
    )
    scopes = ["sessions:read", "sessions:write", "invites:write", "accounts:read"]
    key = server.ask("POST", "/api/keys", {"label": "schemathesis", "scopes": scopes})
    room = server.ask("POST", "/api/rooms", {"sealed_title": ""})
    origin = f"Origin:{server.url}"
    bearer = f"Authorization:Bearer {key['secret']}"
    owned = {"room": room["room"]}
    return {
        "as a program with a key": run(
            server,
            "key",
            seconds,
            [bearer],
            ["--include-path-regex", "^/api/(me|rooms|invites)", "--exclude-method", "DELETE"],
            folder,
            owned,
        ),
        "as the counsellor's browser": run(
            server,
            "cookie",
            seconds,
            [origin, f"Cookie:{server.cookie}"],
            ["--exclude-path-regex", ENDS_SIGN_IN],
            folder,
            {},
        ),
        "as a stranger": run(server, "stranger", seconds, [origin], [], folder, {}),
    }


if __name__ == "__main__":
    sys.exit(main())
