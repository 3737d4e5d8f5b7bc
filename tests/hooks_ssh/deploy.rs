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

// A hook may take longer than the hosts' lease, here or on the hosts, and needs no login of its own.
#[test]
fn a_slow_hook_costs_neither_the_lease_nor_a_login() {
    let config = r#"
LEASE=3
post_extract_release_archive() { sleep 4; }
pre_start_deployed_release() {
  __remote "for i in 1 2 3 4; do sleep 1; head -c 100000 /dev/zero; done"
  note "$(head -c 3000000 /dev/zero | __remote "sleep 4; cat | wc -c; sha256sum </dev/null" "${HOSTS_APP_USER%% *}")"
}
"#;
    let project = Project::new(2, config).running();
    let before: Vec<usize> = project.world.all().iter().map(|host| host.logins()).collect();
    project.world.deploy("2.0.0").succeeds();
    project.world.assert_runs("2.0.0");
    let trace = project.trace();
    assert!(trace.starts_with("3000000\ne3b0c442"), "{trace}");
    for (host, before) in project.world.all().iter().zip(before) {
        assert_eq!(host.logins() - before, 1);
    }
}
