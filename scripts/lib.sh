# Set-up shared by scripts/demo and scripts/test, for a Debian machine with Python 3.11+, git and root or sudo.
# Sourced, not run. Everything is done once: a second run finds it in place within a second.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo -n true 2>/dev/null || say "sudo may ask for your password"; sudo "$@"
  else die "this needs root: $* (run as root, or install sudo)"
  fi
}

# Install Debian packages that are not there yet.
apt_install() {
  command -v apt-get >/dev/null || die "needs the packages: $* (set-up by itself works on Debian only)"
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "installing ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 || say "apt-get update failed; trying with the lists at hand"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}" >&2
}

find_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
      command -v "$candidate"; return
    fi
  done
  die "no Python 3.11 or newer on this machine"
}

# ------------------------------------------------------------------------------------------- the virtual environment
setup_python() {
  local python stamp wanted
  stamp=.venv/.installed
  wanted=$(cat pyproject.toml constraints.txt | sha256sum)
  if [ -x .venv/bin/python ] && [ "$(cat $stamp 2>/dev/null)" = "$wanted" ]; then return; fi
  if ! { [ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1; }; then
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
      apt_install "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    fi
    say "making the virtual environment with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
  fi
  say "installing the Python packages"
  .venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,mariadb]'
  echo "$wanted" > $stamp
}

# -------------------------------------------------------------------------------------------------------- Asterisk
lab_cache() {
  if [ -n "${STASIS_LAB_CACHE:-}" ]; then echo "$STASIS_LAB_CACHE"
  elif [ "$(id -u)" -eq 0 ]; then echo /var/cache/stasis-lab
  else echo "$HOME/.cache/stasis-lab"
  fi
}

# The mirror this machine itself installs from, read from its apt configuration.
debian_mirror() {
  apt-get indextargets --format '$(REPO_URI) $(ORIGIN)' 2>/dev/null | awk '$2 == "Debian" && $1 !~ /security/ { print $1; exit }' | grep . && return
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
    sed -n 's/^deb \(\[[^]]*\] \)\?\(\S*debian\/\?\) .*/\2/p' | head -n 1 | grep . && return
  sed -n 's/^URIs: *\(\S*debian\/\?\).*/\1/p' /etc/apt/sources.list.d/*.sources 2>/dev/null | head -n 1 | grep .
}

have_exchange() { .venv/bin/python -c 'from lab.toolbox import find_toolbox; find_toolbox()' 2>/dev/null; }

# An installed Asterisk serves when it is new enough and SIPp is there; otherwise both are put into a sandbox root.
setup_asterisk() {
  have_exchange && return
  if { command -v asterisk || [ -x /usr/sbin/asterisk ]; } >/dev/null && ! command -v sipp >/dev/null; then
    (apt_install sip-tester) || true
    have_exchange && return
  fi
  make_root
  have_exchange || die "the sandbox root in $(lab_cache) does not work; remove it and run again"
}

make_root() {
  local cache suite mirror
  cache=$(lab_cache) suite=forky
  apt_install debootstrap
  mirror=$(debian_mirror) || die "no Debian mirror in this machine's apt configuration"
  mkdir -p "$cache"
  exec 9> "$cache/lock"
  flock 9  # two runs at once: the second waits and then finds the work done
  have_exchange && return
  as_root rm -rf "$cache"/making.*
  building=$(mktemp -d "$cache/making.XXXXXX")
  trap 'as_root rm -rf "$building"' EXIT
  say "making a sandbox root with Asterisk and SIPp in $cache (once, about 550 MB)"
  as_root debootstrap --variant=minbase --include=asterisk,asterisk-core-sounds-en-gsm,sip-tester \
    "$suite" "$building/$suite" "$mirror" /usr/share/debootstrap/scripts/sid 2>&1 | progress "$cache/debootstrap.log"
  as_root chmod -R a+rX "$building/$suite/usr"
  as_root rm -rf "$building/$suite/var/cache/apt/archives" "$cache/$suite"
  as_root mv "$building/$suite" "$cache/$suite"
  as_root rm -rf "$building"
  trap - EXIT
}

# Turn debootstrap's lines into a bar: packages are fetched, unpacked and configured, each in its turn.
progress() {
  awk -v log_file="$1" -v tty="$([ -t 2 ] && echo 1)" '
    { print > log_file }
    /^I: Retrieving /  && !/Release|Packages/ { fetched++ }
    /^I: Validating /  && !/Release|Packages/ { validated++ }
    /^I: Extracting /  { extracted++ }
    /^I: Unpacking /   { unpacked++ }
    /^I: Configuring / { configured++ }
    /^[WE]: /          { print > "/dev/stderr" }
    {
      if (fetched > packages) packages = fetched
      done = fetched + extracted + unpacked + configured
      total = packages < 250 ? 800 : packages * 3.2
      share = done >= total ? 99 : int(100 * done / total)
      if (share != shown) {
        shown = share
        bar = substr("########################################", 1, share * 0.4)
        if (tty) printf "\r  [%-40s] %3d%%  %d packages fetched, %d unpacked, %d configured ", bar, share, fetched, extracted + unpacked, configured > "/dev/stderr"
        else if (share % 10 == 0) printf "  %3d%%  %d packages fetched, %d unpacked, %d configured\n", share, fetched, extracted + unpacked, configured > "/dev/stderr"
      }
    }
    END { if (tty) print "" > "/dev/stderr" }'
}

# ---------------------------------------------------------------------------------------- the database for the tests
# The server's programs without the package that runs it as a service: tests start one of their own in a folder.
setup_mariadb() {
  local path="$PATH:/usr/sbin:/usr/local/sbin"
  PATH=$path command -v mariadbd >/dev/null && PATH=$path command -v mariadb-install-db >/dev/null &&
    PATH=$path command -v my_print_defaults >/dev/null && PATH=$path command -v mariadb >/dev/null && return
  apt_install mariadb-server-core mariadb-client-core
}

# ------------------------------------------------------------------------------------------- the browser for the tests
setup_browser() {
  command -v chromium >/dev/null || apt_install chromium
}
