//! Small edits of the scripts, each of which takes one promise away: for each there is a test that fails with it.
//!
//! The test is run by itself, with `MRSK_MUTANT` set: then the shells of [`crate::fixture`] change each script before they run it.

use std::process::Command;
use std::sync::Mutex;

use crate::sample;

/// The variable with the name of a mutant.
pub const VARIABLE: &str = "MRSK_MUTANT";

/// An edit.
pub struct Mutant {
    /// What it takes away.
    name: &'static str,
    /// Texts of the scripts, each of which is there once, and what stands in their place.
    pub edits: &'static [(&'static str, &'static str)],
    /// The test that fails.
    caught_by: &'static str,
}

const fn mutant(
    name: &'static str,
    caught_by: &'static str,
    edits: &'static [(&'static str, &'static str)],
) -> Mutant {
    Mutant {
        name,
        edits,
        caught_by,
    }
}

/// All parts of the scripts.
const SCRIPTS: [&str; 19] = [
    include_str!("../../src/transport/script/attempt.sh"),
    include_str!("../../src/transport/script/audit.sh"),
    include_str!("../../src/transport/script/base64.sh"),
    include_str!("../../src/transport/script/fence.sh"),
    include_str!("../../src/transport/script/finish.sh"),
    include_str!("../../src/transport/script/forget.sh"),
    include_str!("../../src/transport/script/halt.sh"),
    include_str!("../../src/transport/script/lock.sh"),
    include_str!("../../src/transport/script/open.sh"),
    include_str!("../../src/transport/script/others.sh"),
    include_str!("../../src/transport/script/poll.sh"),
    include_str!("../../src/transport/script/prelude.sh"),
    include_str!("../../src/transport/script/queue.sh"),
    include_str!("../../src/transport/script/reach.sh"),
    include_str!("../../src/transport/script/routed.sh"),
    include_str!("../../src/transport/script/state.sh"),
    include_str!("../../src/transport/script/step.sh"),
    include_str!("../../src/transport/script/turn.sh"),
    include_str!("../../src/transport/script/whole.sh"),
];

const POWER_CUT: &str = "promises::a_power_cut_at_each_moment_of_two_plans_breaks_no_promise";
const POWER_CUT_OF_TAKEOVER: &str =
    "promises::a_power_cut_at_each_moment_of_a_takeover_breaks_no_promise";

#[rustfmt::skip]
const MUTANTS: &[Mutant] = &[
    // Claim, fence, list.
    mutant("the fence is read before the claim", "orders::a_step_that_runs_was_seen_by_the_run_that_fenced_it_off", &[
        ("  process \"$$\" || die \"cannot read /proc\"\n", "  process \"$$\" || die \"cannot read /proc\"\n  fenced && mrsk_early=1 || mrsk_early=\n"),
        ("  say claimed \"$1\" \"$2\"\n  if ! fenced\n", "  say claimed \"$1\" \"$2\"\n  if [ -z \"$mrsk_early\" ]\n"),
    ]),
    mutant("the fence is not read", "step::behind_the_fence_of_another_run_nothing_runs", &[
        ("  say claimed \"$1\" \"$2\"\n  if ! fenced\n", "  say claimed \"$1\" \"$2\"\n  if false\n"),
    ]),
    mutant("the list is taken before the fence is written", "orders::what_ran_before_a_fence_is_in_the_list_after_it", &[
        ("  prepare \"$mrsk_base/fence\" \"$mrsk_run\" || die \"$mrsk_error\"\n", "  prepare \"$mrsk_base/fence\" \"$mrsk_run\" || die \"$mrsk_error\"\n  mrsk_listed=$(list)\n"),
        ("  say fenced\n  list\n", "  say fenced\n  printf '%s\\n' \"$mrsk_listed\"\n"),
    ]),
    mutant("a claim is no link", "step::of_many_racers_one_claims", &[
        ("mrsk_error=$(ln \"$mrsk_dir/claim.$$\" \"$mrsk_dir/claim\" 2>&1)\n", "mrsk_error=$(mv -f \"$mrsk_dir/claim.$$\" \"$mrsk_dir/claim\" 2>&1)\n"),
    ]),
    mutant("a claim of an earlier boot counts as alive", "orders::a_claim_of_an_earlier_boot_is_lost_whoever_has_its_process_id_now", &[
        ("  [ \"$mrsk_claimed_boot\" = \"$mrsk_boot\" ] || return 1\n", ""),
    ]),
    mutant("a process counts by its id alone", "orders::a_claim_of_an_earlier_boot_is_lost_whoever_has_its_process_id_now", &[
        ("  process \"$mrsk_pid\" && [ \"$mrsk_start\" = \"$mrsk_begun\" ] && return 0\n  is_overdue", "  process \"$mrsk_pid\" && return 0\n  is_overdue"),
    ]),
    mutant("a record is not fenced", "state::a_local_step_leaves_a_receipt_too", &[
        ("  put_claim 0 0 -\n  mrsk_status=$?\n  if ! fenced\n", "  put_claim 0 0 -\n  mrsk_status=$?\n  if false\n"),
    ]),
    mutant("each fence adds to the serial", "state::each_plan_that_begins_adds_one", &[
        ("  elif [ \"$mrsk_entered\" != \"$mrsk_plan\" ]\n", "  elif true\n"),
    ]),
    mutant("a plan counts before its first step", "state::a_plan_that_has_begun_no_step_supersedes_no_other", &[
        ("  has_begun \"${mrsk_entered#*:}\" && return 0\n", "  return 0\n"),
    ]),
    mutant("a plan that has begun is resumed behind one that has not, and stays behind it", "state::a_plan_that_has_begun_no_step_supersedes_no_other", &[
        ("    mrsk_new_serial=\"$mrsk_serial $mrsk_plan\"\n", "    :\n"),
    ]),
    mutant("the end of a build supersedes", "state::a_plan_that_has_begun_no_step_supersedes_no_other", &[
        ("  [ -e \"$1/about\" ] || return 1\n  receipt", "  receipt"),
    ]),
    mutant("a step that was refused supersedes", "state::a_plan_that_has_begun_no_step_supersedes_no_other", &[
        ("  'refused '*) return 1 ;;\n", ""),
    ]),
    mutant("a plan whose claims may be lost has begun nothing", "state::a_plan_whose_claims_may_be_lost_counts", &[
        ("  [ \"$mrsk_begun_boot\" = \"$mrsk_boot\" ] && ! [ -e \"$mrsk_base/runs/$1/restarted\" ] || return 0\n", ""),
    ]),
    mutant("what begins beside a fence supersedes nothing", "orders::a_plan_that_begins_beside_a_fence_supersedes_it_or_is_refused", &[
        ("    mrsk_judged=$mrsk_serial\n    read_serial\n", "    mrsk_judged=$mrsk_serial\n"),
    ]),
    mutant("whether another plan has begun is judged before the fence is written", "orders::a_plan_that_begins_beside_a_fence_supersedes_it_or_is_refused", &[
        ("\"$mrsk_base/fence.kept.$$\" && give_name \"$mrsk_base/fence\" || die \"$mrsk_error\"\n    mrsk_judged", "\"$mrsk_base/fence.kept.$$\" || die \"$mrsk_error\"\n    mrsk_judged"),
        ("    give_name \"$mrsk_base/serial\" || die \"$mrsk_error\"\n", "    give_name \"$mrsk_base/fence\" && give_name \"$mrsk_base/serial\" || die \"$mrsk_error\"\n"),
    ]),
    mutant("a plan that went on does not matter", "unfinished::a_plan_that_saw_less_or_more_of_the_last_one_does_not_begin", &[
        ("  elif has_gone_on\n", "  elif false\n"),
    ]),
    mutant("how far a plan went is judged before the fence is written", "unfinished::a_plan_that_goes_on_beside_a_fence_is_noticed_or_refused", &[
        ("  boot\n  if has_restarted\n", "  how_far \"${mrsk_last#*:}\"\n  boot\n  if has_restarted\n"),
        ("  [ -n \"$mrsk_seen_far\" ] || return 1\n  how_far \"${mrsk_last#*:}\"\n", "  [ -n \"$mrsk_seen_far\" ] || return 1\n"),
    ]),
    mutant("only the attempts count, and not their ends", "unfinished::a_plan_that_saw_less_or_more_of_the_last_one_does_not_begin", &[
        ("      mix \"$mrsk_word\"\n", "      :\n"),
    ]),
    mutant("a serial that moved does not matter", "state::each_plan_that_begins_adds_one", &[
        ("    if [ \"$mrsk_serial\" != \"$mrsk_seen\" ]\n", "    if false\n"),
    ]),
    mutant("an old run that is alive is removed", "state::the_end_of_a_plan_is_entered_once_and_old_runs_go", &[
        ("    run_is_alive \"$mrsk_base/runs/$mrsk_name\" && continue\n", ""),
    ]),
    mutant("receipts are removed before their lines are written", "audit::no_receipt_is_removed_before_its_line_is_written", &[
        ("  catch_up || die \"$mrsk_error\"\n  retain\n", "  retain\n"),
        ("    enter_lost_routes && audit_attempts \"$mrsk_name\" && rm -rf", "    rm -rf"),
    ]),
    mutant("a line whose mark is missing is written again", "audit::a_line_whose_mark_is_missing_is_not_written_again", &[
        ("    *\"$mrsk_nl$mrsk_line$mrsk_nl\"*) ;;\n    *) mrsk_missing=", "    *) mrsk_missing="),
    ]),
    mutant("others may enter the state directory", "files::the_state_directory_is_left_to_its_owner", &[
        ("  [ \"$#\" = 0 ] || mrsk_error=$(chmod go-rwx \"$@\" 2>&1)", "  [ \"$#\" = 0 ] || mrsk_error=$(true)"),
    ]),
    mutant("a person resolves what has ended", "state::a_person_resolves_an_attempt_in_doubt_once", &[
        ("  if ! receipt \"$mrsk_dir\" && ! alive \"$mrsk_dir\" \"$1\" \"$2\" && ! receipt \"$mrsk_dir\"\n", "  if ! alive \"$mrsk_dir\" \"$1\" \"$2\"\n"),
    ]),
    mutant("a person resolves what is alive", "state::what_is_alive_or_has_ended_is_not_resolved", &[
        ("  if ! receipt \"$mrsk_dir\" && ! alive \"$mrsk_dir\" \"$1\" \"$2\" && ! receipt \"$mrsk_dir\"\n", "  if ! receipt \"$mrsk_dir\"\n"),
    ]),
    // What is on the disk before it counts.
    mutant("a fence may be lost in a power cut", POWER_CUT, &[
        ("    sync_to_disk \"$mrsk_base/serial.kept.$$\" \"$mrsk_base/fence.kept.$$\" &&", "    sync_to_disk \"$mrsk_base/serial.kept.$$\" &&"),
    ]),
    mutant("a serial may be lost in a power cut", POWER_CUT, &[
        ("    sync_to_disk \"$mrsk_base/serial.kept.$$\" \"$mrsk_base/fence.kept.$$\" &&", "    sync_to_disk \"$mrsk_base/fence.kept.$$\" &&"),
    ]),
    mutant("the names of serial and fence may be lost in a power cut", POWER_CUT, &[
        ("  sync_to_disk \"$mrsk_runs\" \"$mrsk_base/runs\" \"$mrsk_base\" ||", "  sync_to_disk \"$mrsk_runs\" \"$mrsk_base/runs\" ||"),
    ]),
    mutant("that a plan has begun may be lost in a power cut", POWER_CUT, &[
        ("  sync_to_disk \"$mrsk_runs\" \"$mrsk_base/runs\" \"$mrsk_base\" ||", "  sync_to_disk \"$mrsk_base\" ||"),
    ]),
    mutant("the first state directory may be lost in a power cut", POWER_CUT, &[
        ("    [ -e \"$mrsk_base/serial\" ] || sync_to_disk", "    true || sync_to_disk"),
    ]),
    mutant("the end of a plan may be lost in a power cut", POWER_CUT, &[
        ("    sync_to_disk \"$mrsk_base/finished\" \"$mrsk_base\" ||", "    sync_to_disk \"$mrsk_base\" ||"),
    ]),
    mutant("the name of `finished` may be lost in a power cut", POWER_CUT, &[
        ("    sync_to_disk \"$mrsk_base/finished\" \"$mrsk_base\" ||", "    sync_to_disk \"$mrsk_base/finished\" ||"),
    ]),
    mutant("the claim of a step without a check may be lost in a power cut", POWER_CUT, &[
        ("  [ -z \"$mrsk_claim_stays\" ] || sync_to_disk \"$mrsk_dir\" ", "  true || sync_to_disk \"$mrsk_dir\" "),
    ]),
    mutant("who holds the lock may be lost in a power cut", POWER_CUT, &[
        ("  sync_to_disk \"$mrsk_ready/details\" || die", "  true || die"),
    ]),
    mutant("the lock may be lost in a power cut", POWER_CUT, &[
        ("  sync_to_disk \"$mrsk_own\" mrsk_lock . || die", "  true || die"),
    ]),
    mutant("who has taken the lock over may be lost in a power cut", POWER_CUT_OF_TAKEOVER, &[
        ("  prepare \"$1\" \"$2\" && sync_to_disk \"$1.kept.$$\" &&", "  prepare \"$1\" \"$2\" &&"),
    ]),
    mutant("that the lock was taken over may be lost in a power cut", POWER_CUT_OF_TAKEOVER, &[
        (" && give_name \"$1\" && sync_to_disk \"${1%/*}\"\n", " && give_name \"$1\"\n"),
    ]),
    mutant("all locks of a host belong to nobody after a power cut", POWER_CUT, &[
        ("has_ours() {\n", "has_ours() {\n  return 1\n"),
    ]),
    // The lock.
    mutant("a release takes no generation first", "orders::a_release_that_is_overtaken_leaves_the_lock_to_who_took_it", &[
        ("  mrsk_error=$(mkdir \"$mrsk_own/gen.$mrsk_next\" 2>&1)\n  mrsk_status=$?\n", "  mrsk_next=$mrsk_top\n  mrsk_status=0\n"),
        ("  if [ \"$mrsk_holder\" != \"$mrsk_run\" ] || [ \"$mrsk_top\" != \"$mrsk_next\" ]\n  then\n    [ -z", "  if false\n  then\n    [ -z"),
    ]),
    mutant("after a reboot of its host a lock is dead at once", "orders::after_a_reboot_a_lock_is_as_old_as_the_boot", &[
        (" || mrsk_age=$mrsk_up\n", " || mrsk_age=$mrsk_limit\n"),
    ]),
    mutant("a lock without a readable beat is dead", "lock::a_beat_that_cannot_be_read_counts_as_fresh", &[
        ("    put \"$mrsk_own/beat\" \"$mrsk_boot $mrsk_up\"\n    return 1\n", "    mrsk_age=99999\n    return 1\n"),
    ]),
    mutant("the lock of a person is taken over", "lock::a_lock_by_hand_belongs_to_no_run", &[
        ("  if [ -z \"$mrsk_holder\" ]\n  then\n    say_text foreign\n    return 0\n  fi\n  highest\n", "  highest\n"),
    ]),
    mutant("a living lock is taken over", "lock::it_is_taken_kept_and_released", &[
        ("  if [ \"$mrsk_age\" -lt \"$mrsk_limit\" ]\n  then\n    held\n    return 0\n  fi\n  # A run", "  # A run"),
        ("[ \"$mrsk_text\" != \"$mrsk_judged\" ] || [ \"$mrsk_age\" -lt \"$mrsk_limit\" ] || ", "[ \"$mrsk_text\" != \"$mrsk_judged\" ] || "),
    ]),
    mutant("a beat is believed of a lock that is another's", "lock::a_dead_holders_lock_is_taken_over", &[
        ("  if [ \"$mrsk_whole\" = foreign ] || [ \"$mrsk_holder\" != \"$mrsk_run\" ] || [ \"$mrsk_top\" -gt \"$mrsk_generation\" ]\n", "  if false\n"),
    ]),
    mutant("a person's release needs no force", "lock::a_person_releases_only_what_is_silent_unless_forced", &[
        ("  if read_details && [ -n \"$mrsk_holder\" ] && beat_age && [ \"$mrsk_age\" -lt \"$mrsk_limit\" ]\n", "  if false\n"),
    ]),
    mutant("the lock of the original tool counts as ours", "lock::the_originals_lock_is_never_taken_over", &[
        ("    mrsk_whole=foreign\n", "    mrsk_whole=ours\n"),
    ]),
    mutant("a lock whose owner is not written yet is free", "tenants::the_original_between_its_two_commands_is_waited_for_a_minute", &[
        ("    put mrsk_lock/seen \"$mrsk_boot $mrsk_up\"\n    return 1\n", "    return 0\n"),
    ]),
    mutant("a beat goes on in the lock of the original", "tenants::the_original_between_its_two_commands_is_waited_for_a_minute", &[
        ("  if [ \"$mrsk_whole\" = foreign ] || [ \"$mrsk_holder\"", "  if [ \"$mrsk_holder\""),
    ]),
    mutant("no turn is taken at the lock of all", "tenants::what_comes_and_goes_beside_a_release_is_kept", &[
        ("take_whole() {\n  mrsk_looks=0\n", "take_whole() {\n  mrsk_mine=1\n  return 0\n"),
    ]),
    mutant("a release takes the locks of other services along", "tenants::one_service_does_not_hold_up_another", &[
        ("    is_alone && mrsk_from=mrsk_lock\n", "    mrsk_from=mrsk_lock\n"),
    ]),
    mutant("others of a lock are not named", "tenants::one_service_does_not_hold_up_another", &[
        (" && announce && return 0\n", " && return 0\n"),
    ]),
    mutant("the lock of Kamal is not looked at", "tenants::the_lock_of_kamal_is_respected", &[
        ("kamal_has_locked() {\n", "kamal_has_locked() {\n  return 1\n"),
    ]),
    mutant("a beat of a later uptime is fresh", "tenants::a_guest_that_has_restarted_does_not_keep_its_lock", &[
        ("  [ \"$1\" = \"$mrsk_boot\" ] && [ \"$mrsk_age\" -ge 0 ] || ", "  [ \"$1\" = \"$mrsk_boot\" ] || "),
    ]),
    mutant("what a dead run left open is not looked at", "lock_requests::what_a_dead_run_left_open_keeps_its_lock_from_other_plans_unless_they_insist", &[
        ("  if has_open && [ \"$mrsk_take_over\"", "  if has_open && false && [ \"$mrsk_take_over\""),
    ]),
    mutant("a plan is kept from what its own dead run left open", "lock_requests::what_a_dead_run_left_open_keeps_its_lock_from_other_plans_unless_they_insist", &[
        (" && [ \"$mrsk_plan_in_lock\" != \"$mrsk_locked_plan\" ]\n  then\n    encode", "\n  then\n    encode"),
    ]),
    mutant("nobody waits for its turn", "queue::the_run_that_has_waited_for_longest_gets_the_lock", &[
        ("  [ \"$mrsk_ahead\" = 0 ] && return 0\n", "  return 0\n"),
    ]),
    mutant("a dead lock is taken over out of turn", "queue::the_lock_of_a_dead_run_is_taken_over_in_turn", &[
        ("    return 0\n  fi\n  ! is_our_turn || take_over\n", "    return 0\n  fi\n  take_over\n"),
    ]),
    mutant("a run that waits is never gone", "queue::a_run_that_has_not_tried_for_15_s_waits_no_more", &[
        ("mrsk_patience=15\n", "mrsk_patience=99999\n"),
    ]),
    mutant("an empty turn is held for ever", "queue::a_turn_that_a_power_cut_left_empty_counts_as_one_of_now", &[
        ("[ ! -f \"$1\" ] || write_line \"$1\" \"- $mrsk_boot $mrsk_up\"", ":"),
    ]),
    mutant("a run that has ended is waited for", "queue::the_run_that_has_waited_for_longest_gets_the_lock", &[
        ("release() {\n  leave_queue\n", "release() {\n"),
    ]),
    // Steps.
    mutant("a step has no time limit", "limits::what_runs_too_long_is_ended_with_all_its_processes", &[
        ("    [ \"$1\" = 0 ] || [ $((mrsk_up - mrsk_from)) -lt \"$1\" ] || mrsk_why=\"ran longer than $1 s\"\n", ""),
    ]),
    mutant("a step may be silent for ever", "limits::what_is_silent_too_long_is_ended", &[
        ("    [ \"$2\" = 0 ] || [ $((mrsk_up - mrsk_heard)) -lt \"$2\" ] || mrsk_why=\"printed nothing for $2 s\"\n", ""),
    ]),
    mutant("what ignores SIGTERM lives on", "limits::what_runs_too_long_is_ended_with_all_its_processes", &[
        ("    signal KILL $mrsk_found\n", "    :\n"),
    ]),
    mutant("a cleanup has no time limit", "orders::a_cleanup_has_a_time_limit", &[
        ("  guard \"$mrsk_cleanup_seconds\" 0\n", "  guard 0 0\n"),
    ]),
    mutant("no step takes the lock of what services share", "limits::steps_on_what_services_share_run_one_at_a_time", &[
        ("act() {\n  if [ \"$1\" = 0 ]\n", "act() {\n  if true\n"),
    ]),
    mutant("the lock of what services share is kept after a failure", "orders::what_services_share_is_free_after_a_failure", &[
        ("  settle\n  release_shared\n", "  settle\n"),
    ]),
    mutant("what a failure leaves is undone beside other services", "limits::what_a_step_leaves_of_what_services_share_is_undone_in_its_turn", &[
        ("  [ \"$mrsk_result\" != 0 ] || release_shared\n", "  release_shared\n"),
    ]),
    mutant("what is left of an attempt holds it open for ever", "limits::what_outlives_the_limits_of_its_step_is_not_the_step", &[
        ("  is_overdue \"$1\" && return 1\n", ""),
    ]),
    mutant("a clock that jumps ends what is alive", "limits::what_outlives_the_limits_of_its_step_is_not_the_step", &[
        ("  [ $((mrsk_up - mrsk_begun / mrsk_ticks)) -gt $((mrsk_told_end - mrsk_told_start + mrsk_grace_seconds)) ]\n", "  return 0\n"),
    ]),
    mutant("a failure does not end its batch", "step::a_failure_is_explained_and_undone_and_ends_the_batch", &[
        ("  end_attempt \"$mrsk_ending\" \"$mrsk_status\"\n  return 1\n", "  end_attempt \"$mrsk_ending\" \"$mrsk_status\"\n  return 0\n"),
    ]),
    mutant("a connection that dies takes its step along", "step::a_step_goes_on_when_its_connection_dies", &[
        ("trap '' HUP PIPE\n", ""),
    ]),
    mutant("logins of the dead stay", "logins::one_that_a_dead_attempt_left_is_removed_and_one_of_a_living_stays", &[
        ("  sweep_logins\n  catch_up\n", "  catch_up\n"),
    ]),
    mutant("a login stays after its attempt", "logins::it_is_seen_by_the_pull_alone_and_removed_with_the_attempt", &[
        ("  ! [ -d \"$mrsk_dir/docker\" ] || rm -rf \"$mrsk_dir/docker\"\n", ""),
    ]),
    mutant("a file keeps the mode that it had", "files::a_file_gets_the_mode_and_owner_that_it_is_given", &[
        ("  chmod \"$2\" \"$mrsk_new\" && give \"$3\"", "  give \"$3\""),
    ]),
    // A run that stops.
    mutant("steps begin although their run stops", "halt::a_switch_whose_route_has_begun_is_finished_and_nothing_else_begins", &[
        ("  if is_too_late\n", "  if false\n"),
    ]),
    mutant("a switch that has begun is left half done", "halt::a_switch_whose_route_has_begun_is_finished_and_nothing_else_begins", &[
        ("  [ \"$mrsk_when_stopping\" != begin ] || return 1\n", ""),
    ]),
    mutant("a new container that no route begins for stays", "halt::what_does_not_begin_behind_a_start_or_a_health_check_is_undone", &[
        ("  undo | end)\n", "  never)\n"),
    ]),
    mutant("a wait that its run has ended counts as failed", "halt::a_command_that_can_be_ended_is_ended_with_all_its_processes", &[
        ("  halted && mrsk_ending=stopped && mrsk_status=0\n", ""),
    ]),
    mutant("a run that was fenced off is told that it stops", "halt::only_the_run_that_the_fence_names_can_be_stopped", &[
        ("halt() {\n  if ! fenced\n", "halt() {\n  if false\n"),
    ]),
    // Records.
    mutant("the records of what runs are removed", "forget::a_service_that_is_there_keeps_its_records", &[
        ("has_containers || has_living", "has_living"),
    ]),
    mutant("the records of a step that lives are removed", "forget::a_step_that_lives_keeps_its_records", &[
        ("has_containers || has_living", "has_containers"),
    ]),
    mutant("the records of another plan are removed", "forget::a_service_that_is_there_keeps_its_records", &[
        ("[ \"$mrsk_last\" != \"$mrsk_expected\" ]\n  then\n    say kept", "false\n  then\n    say kept"),
    ]),
    // Polls.
    mutant("one answer is healthy", "poll::the_two_questions_for_health_are_50_ms_apart", &[
        ("  see \"$1\"\n  wait \"$mrsk_nap\" || sleep 1\n  ask \"$@\"\n", "  :\n"),
    ]),
    mutant("a container that restarts is healthy", "poll::conditions", &[
        ("  [ \"$mrsk_is\" = running ] && [ \"$mrsk_restarts\" = \"${mrsk_first:=$mrsk_restarts}\" ] && return 1\n", "  [ \"$mrsk_is\" = running ] && return 1\n"),
    ]),
    mutant("a container is what it was at first", "poll::docker_is_asked_once_while_the_container_lives", &[
        ("  lives \"$1\" \"$2\" || return 1\n  shift 2\n", "  shift 2\n"),
    ]),
    mutant("a command changes nothing that docker has said", "poll::docker_is_asked_again_after_a_command", &[
        ("forget() {\n  mrsk_told=$mrsk_nl\n", "forget() {\n  :\n"),
    ]),
    mutant("any answer proves a route", "poll::conditions", &[
        ("  has_header '[Xx]-[Mm][Rr][Ss][Kk]-[Cc][Oo][Nn][Tt][Aa][Ii][Nn][Ee][Rr]' \"$5\" && return 0\n", "  [ -n \"$mrsk_text\" ] && return 0\n"),
    ]),
    mutant("another image is taken for the planned one", "poll::images_are_compared_by_registry_digest", &[
        ("  *\"@$2 \"*)\n", "  *@*)\n"),
    ]),
    mutant("connections of others are in flight", "in_flight::only_what_comes_by_the_network_of_the_routes_is_in_flight", &[
        ("    mrsk_ways=\"$mrsk_ways $mrsk_word \"\n", ""),
    ]),
    mutant("a switch after which users get less stands", "reach::a_switch_fails_if_users_get_less_than_before", &[
        ("  '' | - | 000 | 404T | 50[234]) return 1 ;;\n", "  '') return 1 ;;\n"),
    ]),
];

/// Returns the mutant that the shells are to run.
pub fn wanted() -> Option<&'static Mutant> {
    let name = std::env::var(VARIABLE).ok()?;
    MUTANTS.iter().find(|mutant| mutant.name == name)
}

/// Returns all of them, or every third.
fn chosen() -> Vec<&'static Mutant> {
    match sample::is_whole() {
        true => MUTANTS.iter().collect(),
        false => MUTANTS.iter().skip(sample::seed() % 3).step_by(3).collect(),
    }
}

#[test]
fn each_is_an_edit_of_what_is_there() {
    for mutant in MUTANTS {
        for (from, _) in mutant.edits {
            let found: usize = SCRIPTS.iter().map(|text| text.matches(from).count()).sum();
            assert_eq!(found, 1, "{}: {from:?}", mutant.name);
        }
    }
}

#[test]
fn each_is_caught() {
    let mutants = chosen();
    let open = Mutex::new(mutants.iter());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let next = open.lock().unwrap().next();
                    let Some(mutant) = next else { break };
                    if let Some(problem) = problem(mutant) {
                        wrong
                            .lock()
                            .unwrap()
                            .push(format!("{}: {problem}", mutant.name));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs the test that is to catch a mutant, and returns what is wrong if it does not.
fn problem(mutant: &Mutant) -> Option<String> {
    // The signals of a test that runs in the background may be ignored.
    let run = Command::new("env")
        .arg("--default-signal=INT,TERM,HUP")
        .arg(std::env::current_exe().unwrap())
        .args([mutant.caught_by, "--exact"])
        .env(VARIABLE, mutant.name)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    match run.status.code() {
        _ if !said.contains("running 1 test\n") => {
            Some(format!("there is no test {}", mutant.caught_by))
        }
        Some(101) => None,
        code => Some(format!("{} ends with {code:?}", mutant.caught_by)),
    }
}
