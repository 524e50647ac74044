#!/bin/sh
# fetch-nvcc.sh DIR: unpacks NVIDIA's compiler for CUDA 12.4, as Debian 13 packages it, into DIR. Uses the mirror that this
# machine's apt already uses, with a private apt state: nothing is installed, no root needed.
set -eu
out=$1
suite=trixie
package=nvidia-cuda-toolkit
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mirror=$(cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null |
  awk '/^URIs:/ { print $2; exit } $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } }')
if [ -z "$mirror" ]; then
  echo "fetch-nvcc: apt has no Debian mirror configured; name an nvcc of CUDA 12 in CUDACXX instead" >&2
  exit 1
fi

mkdir -p "$work/lists/partial" "$work/archives/partial"
: > "$work/status"
echo "deb [signed-by=$keyring] $mirror $suite main contrib non-free" > "$work/sources.list"
cat > "$work/apt.conf" <<CONF
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "-";
Dir::State "$work";
Dir::State::Lists "$work/lists";
Dir::State::Status "$work/status";
Dir::Cache "$work";
Dir::Cache::Archives "$work/archives";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
CONF
cd "$work"
export APT_CONFIG="$work/apt.conf"
apt-get -qq update
apt-get -qq download "$package"
dpkg-deb -x "$package"*.deb "$out"
