#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# module.bats - the engine as a module, before it meets a kernel: what it is built with,
# and what kernel/scripts/build-module says of headers that it cannot use.

load ../lib/helpers

# compiled_for DEFINITION...: what the compiler says when the kernel's was that one.
compiled_for() {
	printf '#define %s\n' "${@:2}" >"$BATS_TEST_TMPDIR/config.h"
	expect "$1" gcc -E -o /dev/null -include "$BATS_TEST_TMPDIR/config.h" \
		-include "$KSM_SRCDIR/kernel/module/names.h" -x c /dev/null
}

@test "module: another compiler than the kernel's is an error" {
	command -v gcc >/dev/null || skip "no gcc"
	major=$(gcc -dumpversion)
	major=${major%%.*}
	compiled_for 0 "CONFIG_CC_IS_GCC 1" "CONFIG_GCC_VERSION ${major}0200"
	stderr_is ""
	for version in $((major - 1))0200 $((major + 1))0100; do
		compiled_for 1 "CONFIG_CC_IS_GCC 1" "CONFIG_GCC_VERSION $version"
		stderr_has "the kernel was built by another compiler than this module is"
	done
	compiled_for 1 "CONFIG_CC_IS_CLANG 1" "CONFIG_GCC_VERSION 0"
	stderr_has "the kernel was built by another compiler than this module is"
}

@test "module: headers that it cannot be built with" {
	headers=$BATS_TEST_TMPDIR/headers out=$BATS_TEST_TMPDIR/out
	build=$KSM_SRCDIR/kernel/scripts/build-module
	expect 1 "$build" -k "$headers" "$out"
	stderr_is "build-module: $headers: no headers of a kernel (package linux-headers-...)"
	mkdir -p "$headers/include/config"
	: >"$headers/Module.symvers"
	echo 6.1.0-57-amd64 >"$headers/include/config/kernel.release"
	expect 1 "$build" -k "$headers" "$out"
	stderr_is "build-module: $headers: Linux 6.1.0-57-amd64 is not supported, only 6.12"
	[[ ! -e $out ]] || fail "something was made"
}
