# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion of all tools for fish. It is installed once under the name of each tool,
# by which it knows which one it completes. The words come from the program itself
# (--help, --list-options), so that they cannot be out of date here.

# The commands of a tool, each with what it does.
function __ksm_utils_commands
    $argv[1] --help 2>/dev/null |
        sed -n '/^\(Commands\|Verbs\):/,/^$/s/^  \([a-z-]*\)  *\(.*\)/\1\t\2/p'
end

# The command that was typed; nothing when there is none yet.
function __ksm_utils_command
    set -l known (__ksm_utils_commands $argv[1] | string replace -r '\t.*' '')
    for word in (commandline -opc)[2..-1]
        if contains -- $word $known
            echo $word
            return 0
        end
    end
    return 1
end

# The options that hold for what was typed.
function __ksm_utils_options
    $argv[1] (__ksm_utils_command $argv[1]) --list-options 2>/dev/null | string split ' ' |
        string match -r '^--?[a-zA-Z][a-z-]*'
end

function __ksm_utils_wants_option
    string match -q -- '-*' (commandline -ct)
end

function __ksm_utils_wants_pid
    contains -- (commandline -opc)[-1] -p --pid
end

function __ksm_utils_units
    for dir in /etc/systemd/system /usr/lib/systemd/system /lib/systemd/system
        for unit in $dir/*.service
            echo $unit
        end
    end
end

function __ksm_utils_operands
    switch (__ksm_utils_command $argv[1])
        case get set
            $argv[1] list -rn -o NAME 2>/dev/null
        case profile
            $argv[1] profile -rn -o NAME 2>/dev/null
        case dump
            __fish_complete_directories (commandline -ct)
        case opt-in opt-out
            string match -v '*@.service' (__ksm_utils_units | string replace -r '.*/' '')
        case save restore diff replay
            __fish_complete_path (commandline -ct)
    end
end

set -l tool (basename (status filename) .fish)
set -l commands (__ksm_utils_commands $tool)
if test -n "$commands"
    complete -c $tool -f
    complete -c $tool -n "not __ksm_utils_command $tool >/dev/null" \
        -a "(__ksm_utils_commands $tool)"
    complete -c $tool -n "__ksm_utils_command $tool >/dev/null" -a "(__ksm_utils_operands $tool)"
else if test $tool = ksm-advise
    complete -c $tool -a '(__fish_complete_subcommand)'
end
complete -c $tool -n __ksm_utils_wants_option -a "(__ksm_utils_options $tool)"
complete -c $tool -n __ksm_utils_wants_pid -a "(__fish_complete_pids)"
