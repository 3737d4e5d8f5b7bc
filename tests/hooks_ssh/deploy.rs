//! The hooks of a deploy.

use crate::project::Project;

/// Every hook that a deploy calls, each of which writes down what it sees on the hosts.
const HOOKS: &str = r#"
seen() {
  note "$1: $HOSTS $HOSTS_APP_USER $DELIVER_TO $COMMAND $COMMAND_INFO $DEPLOY_ENVIRONMENT $MODE '$VERBOSE' '$SILENCE' $VERSION"
  note "  files $(__remote "cd $DELIVER_TO/stand_in && cut -d' ' -f2 releases/start_erl.data")"
  note "  old node $(__remote "kill -0 \$(cat ~/old.pid) 2>/dev/null && echo runs || echo is gone")"
}
pre_extract_release_archive() {
  __remote "cd $DELIVER_TO/stand_in && bin/stand_in pid >~/old.pid"
  seen pre_extract_release_archive
}
post_extract_release_archive() { seen post_extract_release_archive; }
pre_start_deployed_release() { seen pre_start_deployed_release; }
post_start_deployed_release() { seen post_start_deployed_release; }
"#;

#[test]
fn every_hook_in_order_with_what_it_sees() {
    let project = Project::new(2, HOOKS).running();
    project.world.deploy("2.0.0").succeeds();
    insta::assert_snapshot!(project.trace(), @"
    pre_extract_release_archive: host-1 host-2 [user]@host-1 [user]@host-2 ~/app deploy release production compact '' '&> /dev/null' 2.0.0
      files 1.0.0
    1.0.0
      old node runs
    runs
    post_extract_release_archive: host-1 host-2 [user]@host-1 [user]@host-2 ~/app deploy release production compact '' '&> /dev/null' 2.0.0
      files 2.0.0
    2.0.0
      old node runs
    runs
    pre_start_deployed_release: host-1 host-2 [user]@host-1 [user]@host-2 ~/app deploy release production compact '' '&> /dev/null' 2.0.0
      files 2.0.0
    2.0.0
      old node runs
    runs
    post_start_deployed_release: host-1 host-2 [user]@host-1 [user]@host-2 ~/app deploy release production compact '' '&> /dev/null' 2.0.0
      files 2.0.0
    2.0.0
      old node is gone
    is gone
    ");
    project.world.assert_runs("2.0.0");
    let words = ["deploy", "release", "to", "production", "--plain", "--version=1.0.0", "--verbose"];
    project.world.edeliver(words).succeeds();
    insta::assert_snapshot!(project.trace(), @"
    pre_extract_release_archive: host-1 host-2 [user]@host-1 [user]@host-2 ~/app deploy release production verbose 'true' '' 1.0.0
      files 2.0.0
    2.0.0
      old node runs
    runs
    post_extract_release_archive: host-1 host-2 [user]@host-1 [user]@host-2 ~/app deploy release production verbose 'true' '' 1.0.0
      files 1.0.0
    1.0.0
      old node runs
    runs
    ");
}

// A hook may take longer than the hosts' lease.
#[test]
fn a_slow_hook_does_not_cost_the_lease() {
    let project = Project::new(2, "LEASE=3\npre_start_deployed_release() { sleep 5; }").running();
    project.world.deploy("2.0.0").succeeds();
    project.world.assert_runs("2.0.0");
}
