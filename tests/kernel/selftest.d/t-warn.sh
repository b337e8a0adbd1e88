#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes the kernel log say WARNING.
echo "<4>WARNING: CPU: 0 PID: 1 at selftest" >/dev/kmsg
echo "ok 1 - good"
echo "1..1"
