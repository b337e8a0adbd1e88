#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Leaves a process behind.
setsid sleep 1000 >/dev/null 2>&1 &
echo "ok 1 - good"
echo "1..1"
