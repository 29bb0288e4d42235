"""Plays `kubectl` and `helm` on this machine, as far as the operator's guides use them.

Objects are what the real helm renders of the chart. The migration job and the web deployment are processes
with the environment that the chart gives them; the worker's is only read. Whatever else a guide wants is
refused, so that it is added here knowingly.
"""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import yaml

from service.settings import read_settings

FOLDER = Path(os.environ["STAND_IN"])
HELM = os.environ["STAND_IN_HELM"]
PORT = int(os.environ["STAND_IN_PORT"])
WEB, WORKER = "deployment/tenon-web", "deployment/tenon-worker"
PATIENCE = 60


def main(program, *arguments):
    {"kubectl": kubectl, "helm": helm}[program](arguments)


def kubectl(arguments):  # noqa: C901 - one case for each way in which the guides call it
    match arguments:
        case ["create", "namespace", _] | ["config", "set-context", "--current", _]:
            pass
        case ["create", "secret", "generic", name, "--dry-run=client", "--output=yaml", *literals]:
            say(yaml.safe_dump(make_secret(name, literals)))
        case ["create", "secret", "generic", name, *literals]:
            demand(not (FOLDER / name).exists(), f"secret {name} exists already")
            keep(make_secret(name, literals))
        case ["apply", "--filename=-"]:
            keep(yaml.safe_load(sys.stdin))
        case ["get", "secret", name, output] if output.startswith("--output=jsonpath={.data."):
            say(secret(name)[output.removeprefix("--output=jsonpath={.data.").removesuffix("}")])
        case ["rollout", "restart", *deployments]:
            stop_and_start(deployments)
        case ["rollout", "status", deployment, _]:
            wait_until_ready(deployment)
        case ["scale", *deployments, replicas]:
            demand(replicas.startswith("--replicas="), replicas)
            (stop if replicas == "--replicas=0" else stop_and_start)(deployments)
        case ["exec", deployment, "--", "sh", "-c", command] if command.startswith("kill -"):
            demand(deployment == WEB, deployment)
            os.kill(int((FOLDER / "pid").read_text()), signal.Signals[f"SIG{command.split()[1][1:]}"])
        case ["exec", deployment, "--", "tenon", *command]:
            demand(deployment != WEB or listens(), "no pod of the deployment runs")
            sys.exit(run_tenon(command, environment(deployment)))
        case ["logs", "--selector=app.kubernetes.io/name=tenon", *_]:
            say((FOLDER / "log").read_text())
        case _:
            demand(False, f"kubectl {' '.join(arguments)}: unknown to the stand-in")


def helm(arguments):
    match arguments:
        case ["install" | "upgrade", release, chart, *flags]:
            before = objects().get(WEB)
            (FOLDER / "objects").write_text(json.dumps(render([release, chart, *flags])))
            demand(run_tenon(["migrate"], environment("job/tenon-migrate")) == 0, "pre-upgrade hooks failed")
            read_settings(environment(WORKER))
            # Pods are replaced when something about them has changed, of which secrets are no part.
            if objects()[WEB] != before:
                stop_and_start([WEB])
            if "--wait" in flags:
                wait_until_ready(WEB)
        case _:
            demand(False, f"helm {' '.join(arguments)}: unknown to the stand-in")


def say(text):
    sys.stdout.write(text)


def demand(holds, complaint):
    if not holds:
        sys.exit(complaint)


def render(arguments):
    """The rendered objects by `kind/name`."""
    done = subprocess.run(
        [HELM, "template", *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    demand(done.returncode == 0, done.stderr)
    documents = yaml.load_all(done.stdout, Loader=yaml.CSafeLoader)
    return {f"{made['kind'].lower()}/{made['metadata']['name']}": made for made in documents if made}


def make_secret(name, literals):
    data = {}
    for literal in literals:
        demand(literal.startswith("--from-literal="), literal)
        key, _, value = literal.removeprefix("--from-literal=").partition("=")
        data[key] = base64.b64encode(value.encode()).decode()
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}


def keep(made):
    demand(made["kind"] == "Secret", made["kind"])
    (FOLDER / made["metadata"]["name"]).write_text(json.dumps(made["data"]))


def secret(name):
    return json.loads((FOLDER / name).read_text())


def objects():
    kept = FOLDER / "objects"
    return json.loads(kept.read_text()) if kept.exists() else {}


def environment(name):
    """What the chart says that the only container of an object has in its environment."""
    known = objects()
    [container] = known[name]["spec"]["template"]["spec"]["containers"]
    values = {}
    for source in container.get("envFrom", []):
        values |= known[f"configmap/{source['configMapRef']['name']}"]["data"]
    for variable in container["env"]:
        if "value" in variable:
            values[variable["name"]] = variable["value"]
        else:
            wanted = variable["valueFrom"]["secretKeyRef"]
            values[variable["name"]] = base64.b64decode(secret(wanted["name"])[wanted["key"]]).decode()
    # Here is no load balancer with the public address, and pods have addresses of their own.
    for setting, port in (("TENON_BIND", PORT), ("TENON_METRICS_BIND", PORT + 1)):
        if setting in values:
            values[setting] = f"127.0.0.1:{port}"
    values |= {"TENON_PUBLIC_URL": f"http://127.0.0.1:{PORT}", "TENON_DRAIN_SECONDS": "0"}
    return {**values, "PATH": os.environ["PATH"]}


def run_tenon(command, environ):
    return subprocess.run(
        [sys.executable, "-m", "service", *command],
        env=environ,
        cwd=os.environ["PYTHONPATH"],
        timeout=PATIENCE,
        check=False,
    ).returncode


def stop(deployments):
    demand(set(deployments) <= {WEB, WORKER}, f"unknown to the stand-in: {deployments}")
    running = FOLDER / "pid"
    if WEB in deployments and running.exists():
        os.kill(int(running.read_text()), signal.SIGTERM)
        running.unlink()
        until(lambda: not listens(), "it still listens")


def stop_and_start(deployments):
    stop(deployments)
    if WORKER in deployments:
        read_settings(environment(WORKER))
    if WEB in deployments:
        with (FOLDER / "log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "service", "serve"],
                env=environment(WEB),
                cwd=os.environ["PYTHONPATH"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (FOLDER / "pid").write_text(str(process.pid))


def wait_until_ready(deployment):
    if deployment == WEB:
        until(is_ready, (FOLDER / "log").read_text()[-2000:])


def listens():
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", PORT)) == 0


def is_ready():
    connection = HTTPConnection("127.0.0.1", PORT, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def until(condition, complaint):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        demand(time.monotonic() < deadline, complaint)
        time.sleep(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
