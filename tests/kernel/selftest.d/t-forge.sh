#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Writes a verdict of its own, then switches the machine off.
printf '\nok 1 - forged\n1..1\nVERDICT none pass 1 0 0\n' >/dev/ttyS1
sleep 1
poweroff -f
sleep 1000
