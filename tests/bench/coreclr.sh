#!/usr/bin/env bash
# Runs a .NET program on CoreCLR 3.1: coreclr.sh PROGRAM.exe [ARGUMENT…]
#
# CoreCLR wants PROGRAM.dll with PROGRAM.runtimeconfig.json: both are made in a cache folder, and kept until the program changes.
# The runtime comes from the Python package dotnetcore2 (version 3.1.23); it is fetched once. $CORECLR names another `dotnet`.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/isthmus/coreclr
version=3.1.23
[[ $# -ge 1 && -e $1 ]] || { echo "usage: coreclr.sh PROGRAM.exe [ARGUMENT...]" >&2; exit 2; }

fetch() {
    command -v python3 >/dev/null || { echo "coreclr.sh: python3 is needed to fetch CoreCLR; or set CORECLR" >&2; exit 2; }
    local scratch
    scratch=$(mktemp -d)
    python3 -m pip --quiet --disable-pip-version-check download --no-deps --dest "$scratch" "dotnetcore2==$version" >&2
    mkdir -p "$cache"
    python3 -m zipfile -e "$scratch"/dotnetcore2-*.whl "$scratch/unpacked"
    chmod +x "$scratch/unpacked/dotnetcore2/bin/dotnet"
    # Another process may have been faster.
    mv -T "$scratch/unpacked" "$cache/$version" 2>/dev/null || true
    rm -rf "$scratch"
}

dotnet=${CORECLR:-$cache/$version/dotnetcore2/bin/dotnet}
[[ -n ${CORECLR:-} || -x $dotnet ]] || fetch

exe=$(realpath "$1")
shift
name=$(basename "$exe" .exe)
folder=$cache/programs/$(printf %s "$exe" | cksum | cut -d' ' -f1)
dll=$folder/$name.dll
if [[ ! $dll -nt $exe ]]; then
    mkdir -p "$folder"
    printf '%s\n' '{"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"3.1.0"}}}' >"$folder/$name.runtimeconfig.json"
    cp "$exe" "$dll.$$"
    mv "$dll.$$" "$dll"
fi
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
# Full optimization from the first call on, unless the caller wants it otherwise.
export COMPlus_TieredCompilation=${COMPlus_TieredCompilation:-0}
exec "$dotnet" exec "$dll" "$@"
