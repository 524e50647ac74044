#!/bin/sh
# fetch-ort-headers.sh DIR: unpacks Debian's libonnxruntime-dev (headers under the MIT licence) into DIR.
# Uses the mirror that this machine's apt already uses, with a private apt state: nothing is installed, no root needed.
# Debian 12 lacks the package, so it is taken from a later suite; only its headers are used.
set -eu
out=$1
suite=${ORT_DEBIAN_SUITE:-trixie}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$out/usr/include/onnxruntime/onnxruntime_cxx_api.h" ] && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mirror=$(apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
  awk '$1 == "Debian" && $2 !~ /-security|-updates/ && $3 == "main" { print $4; exit }')
if [ -z "$mirror" ]; then # apt's lists were never fetched: read its configuration instead
  mirror=$(cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null |
    awk '/^URIs:/ { print $2; exit } $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } }')
fi
if [ -z "$mirror" ]; then
  echo "fetch-ort-headers: apt has no Debian mirror configured; set ORT_INCLUDE_DIR instead" >&2
  exit 1
fi

mkdir -p "$work/lists/partial" "$work/archives/partial"
: > "$work/status"
echo "deb [signed-by=$keyring] $mirror $suite main" > "$work/sources.list"
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
apt-get -qq download libonnxruntime-dev
# Unpacked beside the target and renamed, so that an interrupted run leaves nothing that looks complete.
mkdir -p "$(dirname "$out")"
rm -rf "$out.partial"
dpkg-deb -x libonnxruntime-dev*.deb "$out.partial"
rm -rf "$out"
mv "$out.partial" "$out"
