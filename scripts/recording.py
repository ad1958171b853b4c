# Runs a recording script with the Python packages it needs, in a virtual environment of its own outside the repository.
# Knows nothing of what is recorded.

import os
import pathlib
import subprocess
import sys
import venv


def cache():
    """The folder that scripts/bootstrap/cache.mjs uses."""
    own = os.environ.get("TFJS_EMA_CACHE")
    if own:
        return pathlib.Path(own).resolve()
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "tfjs-ema"


def run_with(name, *installs):
    """Starts the calling script again in the environment `name`, made on first use; returns when it already runs there.

    Each of `installs` is a list of arguments for one `pip install`.
    """
    home = cache() / name
    python = home / "bin" / "python"
    if pathlib.Path(sys.prefix) == home:
        return
    done = home / "installed"
    wanted = repr(installs)
    if not done.exists() or done.read_text() != wanted:
        venv.create(home, with_pip=True, clear=True)
        for arguments in installs:
            subprocess.run([python, "-m", "pip", "install", "--quiet", *arguments], check=True)
        done.write_text(wanted)
    sys.exit(subprocess.run([python, *sys.argv]).returncode)
