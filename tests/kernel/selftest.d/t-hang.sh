#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Never ends, and does not listen.
trap '' TERM
echo "ok 1 - good"
while :; do sleep 1; done
