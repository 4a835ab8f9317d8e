# Sourced by the scripts beside it: what needs root, and how to get it without asking anybody.

say() { printf '%s\n' "$*" >&2; }

# Runs a command as root: as it is when we are, through sudo when that asks for no password, else status 1.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

# Fresh machines and images come with empty lists, old ones with lists that name files gone from the mirror.
apt_update() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2
}

# Installs Debian packages; status 1, having changed nothing, where that may not be done.
apt_install() {
    command -v apt-get >/dev/null || return 1
    as_root true || return 1
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@")
    as_root "${install[@]}" >/dev/null 2>&1 || { apt_update && as_root "${install[@]}" >&2; }
}
