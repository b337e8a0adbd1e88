#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Changes settings and never ends: for an interrupted run.
f=/sys/kernel/mm/ksm/sleep_millisecs
echo $(($(cat $f) + 1)) >$f
echo "changed" >"$KSM_SELFTEST_FILE"
while :; do sleep 1; done
