"""Prints the path of a Python of a given version, or fails."""

import glob
import os
import shutil
import subprocess
import sys

version = sys.argv[1]
candidates = [shutil.which(f"python{version}"), shutil.which("python3"), shutil.which("python")]
candidates += sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{version}.*/bin/python")))
for candidate in filter(None, candidates):
    probe = "import sys; print('%d.%d' % sys.version_info[:2])"
    result = subprocess.run([candidate, "-c", probe], capture_output=True, text=True)
    if result.returncode == 0 and result.stdout.strip() == version:
        print(candidate)
        sys.exit(0)
sys.exit(1)
