#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Panics the kernel.
echo "ok 1 - good"
echo c >/proc/sysrq-trigger
sleep 1000
