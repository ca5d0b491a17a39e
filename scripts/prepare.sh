# Sourced by the scripts beside it: installs what is missing and says every line before running it.
# Works from a fresh Debian 12 or a recent Ubuntu; does nothing, and needs no network, where all is there.
# shellcheck shell=bash

say() { printf '+ %s\n' "$*"; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        say "$@"
        "$@"
    elif command -v sudo >/dev/null; then
        say sudo "$@"
        sudo "$@"
    else
        echo "This needs root and there is no sudo. As root, run: $*" >&2
        exit 1
    fi
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# The services that a package would start at once, and that would sit on the machine's usual ports.
service_of() {
    case $1 in
        prosody | ejabberd | inspircd | ngircd | atheme-services | postgresql) echo "$1.service" ;;
        dovecot-*) echo dovecot.service ;;
    esac
}

# need_packages PACKAGE...: install those that are missing. Their daemons are neither started nor enabled: the playground
# and the tests start their own, in temporary directories. Services of packages that are there already stay as they are.
need_packages() {
    local missing=() services=() package service
    if ! command -v apt-get >/dev/null; then
        echo "There is no apt-get here, so nothing is installed. Needed: $*" >&2
        return 0
    fi
    for package in "$@"; do
        installed "$package" && continue
        missing+=("$package")
        service=$(service_of "$package")
        [ -z "$service" ] || services+=("$service")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ -d /run/systemd/system ] || services=()
    if [ ${#services[@]} -gt 0 ]; then
        echo "So that the new packages start no services on this machine, these are masked while they are installed:"
        as_root systemctl mask "${services[@]}"
        # shellcheck disable=SC2064  # the services of now
        trap "as_root systemctl unmask ${services[*]}" EXIT
    fi
    if [ -z "${package_lists_are_new:-}" ]; then
        as_root apt-get update
        package_lists_are_new=yes
    fi
    # RUNLEVEL=1 keeps init scripts from starting daemons where there is no systemd.
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends "${missing[@]}"
    if [ ${#services[@]} -gt 0 ]; then
        trap - EXIT
        as_root systemctl unmask "${services[@]}"
        as_root systemctl disable "${services[@]}"
    fi
}

# The cache of what is fetched and not installed; gateway/playground/unpacked.py knows it too.
cache_directory() {
    if [ "$(id -u)" -eq 0 ]; then echo /var/cache/causeway; else echo "${XDG_CACHE_HOME:-$HOME/.cache}/causeway"; fi
}

# need_unpacked PACKAGE...: fetch packages and unpack them into the cache, without installing them: mail servers conflict
# with one another, and with the one that the machine may have. The libraries that they need are installed.
need_unpacked() {
    local package place libraries
    if ! command -v apt-get >/dev/null; then
        echo "There is no apt-get here, so nothing is fetched. Needed: $*" >&2
        return 0
    fi
    for package in "$@"; do
        place=$(cache_directory)/unpacked/$package
        [ ! -e "$place/.complete" ] || continue
        if [ -z "${package_lists_are_new:-}" ] && ! apt-cache show "$package" >/dev/null 2>&1; then
            as_root apt-get update
            package_lists_are_new=yes
        fi
        run rm -rf "$place" "$place.new"
        run mkdir -p "$place.new/fetched"
        # As root, apt would fetch as a user who may not write there.
        (cd "$place.new/fetched" && run apt-get -o APT::Sandbox::User=root download "$package")
        run dpkg-deb --extract "$place.new"/fetched/*.deb "$place.new"
        mapfile -t libraries < <(dpkg-deb --field "$place.new"/fetched/*.deb Depends |
            tr ',' '\n' | sed 's/[|(].*//; s/ //g' | grep '^lib')
        need_packages "${libraries[@]}"
        rm -r "$place.new/fetched"
        touch "$place.new/.complete"
        run mv "$place.new" "$place"
    done
}

# The interpreter to make the environment with.
find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
}

# need_environment NAME: a Python environment in .venv with exactly requirements/NAME.txt and Causeway itself in it. "dev"
# holds all of "run", so it serves for both.
need_environment() {
    local name=$1 stamp python
    stamp=$(cat requirements/build.txt "requirements/$name.txt" pyproject.toml scripts/prepare.sh | sha256sum | cut -d ' ' -f 1)
    if [ -x .venv/bin/causeway ]; then
        [ "$(cat ".venv/causeway-$name" 2>/dev/null)" = "$stamp" ] && return 0
        if [ "$name" = run ] && [ -e .venv/causeway-dev ]; then
            need_environment dev
            return
        fi
    fi
    python=$(find_python)
    if [ -z "$python" ]; then
        need_packages python3 python3-venv
        python=$(find_python)
    fi
    if [ -z "$python" ]; then
        echo "Causeway needs Python 3.11 or later with venv; python3 here is $(python3 --version 2>&1)." >&2
        exit 1
    fi
    if command -v uv >/dev/null; then
        [ -x .venv/bin/python ] || run uv venv --quiet --python "$python" .venv
        run uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements/build.txt -r "requirements/$name.txt"
        run uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
    else
        [ -x .venv/bin/python ] || run "$python" -m venv .venv
        # An environment made by uv has no pip; it is completed, never replaced.
        .venv/bin/python -m pip --version >/dev/null 2>&1 || run .venv/bin/python -m ensurepip
        run .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
            -r requirements/build.txt -r "requirements/$name.txt"
        run .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
    fi
    echo "$stamp" >".venv/causeway-$name"
}

run() {
    say "$@"
    "$@"
}
