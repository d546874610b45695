"""Applies the Terraform module to an emulator of AWS on this machine."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REGIONS = REGION, OTHER_REGION = "eu-central-1", "us-east-1"
ACCOUNT = "123456789012"
# Variables of the calling shell that must reach neither the copy of the module nor an emulator.
FOREIGN = ("AWS_", "TF_VAR_", "TF_WORKSPACE", "TF_DATA_DIR")
PATIENCE = 600


def plug_ins():
    """Returns a folder of provider plug-ins on this machine that Terraform does not know of, or None."""
    for parent in (Path("/opt"), Path("/usr/local/share"), Path("/usr/share"), Path("/usr/lib"), Path.home()):
        for folder in (*parent.glob("registry.terraform.io"), *parent.glob("*/registry.terraform.io")):
            return folder.parent
    return None


def environment(folder, **more):
    """Returns this process's environment without the AWS and Terraform settings of the calling shell.

    Terraform takes its plug-ins from this machine, if there are any.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    settings = Path(clean.get("TF_CLI_CONFIG_FILE", Path.home() / ".terraformrc"))
    if not settings.is_file():
        mirror, settings = plug_ins(), Path(folder) / "terraform.rc"
        install = f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n' if mirror else ""
        settings.write_text(f"disable_checkpoint = true\n{install}")
        clean["TF_CLI_CONFIG_FILE"] = str(settings)
    # Each run of a Terraform test starts the plug-in, which is written in Go and collects garbage for a fifth of its start.
    collects_less = {"GOGC": "400"}
    quiet = {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "AWS_EC2_METADATA_DISABLED": "true"}
    return {**clean, **collects_less, **quiet, **more}


def needs(program, install):
    """Exits and says how to install a program, if it is not installed."""
    if shutil.which(program) is None:
        sys.exit(f"{program} is not installed: {install}")


def terraform(folder, env, *arguments, allowed=(0,), quiet=True, input=None):
    """Runs Terraform in a folder. If quiet, shows what Terraform prints only when it fails."""
    needs("terraform", "see https://developer.hashicorp.com/terraform/install (1.11 or later).")
    command = ["terraform", f"-chdir={folder}", *arguments]
    done = subprocess.run(command, env=env, text=True, timeout=PATIENCE, input=input,
                          stdout=subprocess.PIPE if quiet else None, stderr=subprocess.STDOUT if quiet else None)
    if done.returncode not in allowed:
        raise AssertionError(f"{' '.join(command)} exited with {done.returncode}\n{done.stdout or ''}")
    return done


def empty_package(folder):
    """Writes an empty package, for tests that never run the function."""
    package = Path(folder) / "package.zip"
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("bootstrap", "")
    return str(package)


class Deployment:
    """A copy of the module, or of bootstrap, in its own folder, with its own state."""

    def __init__(self, folder, env, root="terraform", **variables):
        self.folder, self.env = Path(folder) / Path(root).name, env
        unwanted = shutil.ignore_patterns(".terraform", "*.tfstate*", "tests", "bootstrap", "envs")
        shutil.copytree(ROOT / root, self.folder, ignore=unwanted)
        (self.folder / "test.auto.tfvars.json").write_text(json.dumps(variables))
        self.run("init", "-lockfile=readonly", "-no-color")

    def run(self, *arguments, **options):
        return terraform(self.folder, self.env, *arguments, **options)

    def apply(self):
        self.run("apply", "-auto-approve", "-no-color")
        return self.outputs()

    def outputs(self):
        told = json.loads(self.run("output", "-json").stdout)
        return {name: output["value"] for name, output in told.items()}

    def allow_destruction(self):
        """Does what an operator must do before the bucket can be destroyed."""
        (self.folder / "destroy_override.tf").write_text(
            'resource "aws_s3_bucket" "memories" {\n  force_destroy = true\n\n  lifecycle {\n    prevent_destroy = false\n  }\n}\n'
        )


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def server(command, env, port, log):
    """Runs a server on a port of this machine until the block ends. Writes its output to a file."""
    with open(log, "w") as output:
        process = subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT)
    try:
        for _ in range(600):
            if process.poll() is not None:
                raise AssertionError(f"{command} exited with {process.returncode}:\n{Path(log).read_text()[-4000:]}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            raise AssertionError(f"{command} does not listen:\n{Path(log).read_text()[-4000:]}")
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def moto(folder):
    """Runs moto. Yields its endpoint, and the environment in which Terraform uses it instead of AWS."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    env = environment(folder, AWS_ENDPOINT_URL=endpoint, AWS_REGION=REGION, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    command = [sys.executable, str(Path(__file__).with_name("moto_server.py")), "-H", "127.0.0.1", "-p", str(port)]
    with server(command, {**env, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}, port, Path(folder) / "moto.log"):
        yield endpoint, env
