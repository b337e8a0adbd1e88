#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Stops the runner: the machine stays up and does nothing.
echo "ok 1 - good"
kill -STOP $PPID
sleep 1000
