//! What words and options are parsed to.

use super::assert_parsed;

#[test]
fn build() {
    assert_parsed(
        "build",
        r#"
        build release
        build release --revision=82a5834
        build release --tag=v1.5.0
        build release --branch=main
        build release --branch main
        build release --branch=feature/x --revision=82a5834 --verbose
        build release production
        build release to production
        build release --skip-git-clean --skip-mix-clean
        build release --auto-version=revision
        build release --auto-version=git-revision+git-branch
        build release --auto-version append-build-date+time
        build release --auto-version=commit-count-all-branches+commit-count-branch+branch-unless-master+mix-env
        build release --increment-version=minor
        build release --increment-version=major --auto-version=date
        build release --set-version=1.5.0-rc.1
        build release --mix-env=staging --host=builder@build-2.acme.com
        build release --push -F
        build upgrade --with=1.4.0
        build upgrade --from=v1.4.0 --to=v1.5.0
        build upgrade --from=v1.4.0 --with=1.4.0 --branch=main
        build upgrade --with=1.4.0 --skip-relup-mod
        build upgrade --with=1.4.0 --skip-relup-modification
        build upgrade --with=1.4.0 --relup-mod=Acme.Relup --mix-env=prod
        build upgrade production --with 1.4.0 --set-version 1.5.0
        build appup --from=v1.4.0
        build appups --with=1.4.0
    "#,
    );
}

#[test]
fn deploy() {
    assert_parsed(
        "deploy",
        r#"
        deploy release
        deploy release staging
        deploy release to staging
        deploy release production
        deploy release to production
        deploy release to production --start-deploy
        deploy release --start-deploy to production
        --start-deploy deploy release to production
        deploy release --version=1.5.0 production --clean-deploy -S
        deploy release --version 1.5.0 production
        deploy release local
        deploy release locally
        deploy release to localhost
        deploy release --host=web-2.acme.com
        deploy release --host=deploy@web-2.acme.com:2222 production
        deploy release production --push --force --plain
        deploy release production production
        deploy release check to production
        deploy upgrade
        deploy upgrade to production --version=1.5.0
        deploy upgrade production --host=web-1
        update
        update staging
        update production --branch=main --start-deploy
        update to production --to=v1.5.0 --clean-deploy --skip-git-clean
        upgrade
        upgrade production --to=v1.5.0 --branch=main --auto-version=revision
        upgrade staging --relup-mod=Acme.Relup --start-deploy --mix-env=prod
    "#,
    );
}

#[test]
fn nodes() {
    assert_parsed(
        "nodes",
        r#"
        start
        start production
        start on production -V
        start --host=web-1 production
        start --host web-1 production
        stop staging
        restart production
        restart Production
        ping
        ping canary
        ping staging2
        ping on EU_WEST
        version production
        version --verbose
        migrate
        migrate up
        migrate production
        migrate production up
        migrate production down
        migrate down production --version=20240131120000
        migrate on production --version 20240131120000
        migrations
        migrations production
        migrations on production
        remote_console production --host=web-1
        remote-console
        logs
        logs -f on production --lines=5
        logs production --lines=many
        deploy release to production --start-deploy --migrate --rollback-migrations
        show migrations
        show migrations production
        show migrations on production --host=web-1
        stop production production
        stop production now
    "#,
    );
}

#[test]
fn hosts() {
    assert_parsed(
        "hosts",
        r#"
        rollback
        rollback release
        rollback release to production
        rollback production --version=1.4.0 --start-deploy
        rollback to production --host=web-1 --force-unlock
        rollback productoin
        deploy release production --force-unlock
        deploy release production --plan
        rollback production --plan --json
        deploy release production --json
        status
        status production
        status on production --json
        history production --host=web-1
        history --json
        recover
        recover on production
        recover production --force-unlock
        drill
        drill staging --host=web-1
        drill on staging
        status productoin
        recover prod
        statsu
    "#,
    );
}

#[test]
fn store_and_project() {
    assert_parsed(
        "store_and_project",
        r#"
        show release
        show releases
        show appup
        show appups
        show relup my_app_1.5.0.upgrade.tar.gz
        show relups production
        edit relup
        edit relup --version=1.5.0
        edit relups --version 1.5.0
        edit appup
        edit appups --version=1.5.0
        upload release 1.5.0
        upload release 1.5.0 to
        upload upgrade 1.5.0 other.tar.gz
        upload my_app_1.5.0.release.tar.gz
        upload build/my_app.tar.gz my_app_1.5.0.release.tar.gz --verbose
        upload --force build/my_app.tar.gz
        download release 1.5.0
        download release 1.5.0 /tmp/
        download upgrade 1.5.0
        download my_app_1.5.0.upgrade.tar.gz ./here.tar.gz
        increase
        increase version
        increase versions
        increase minor
        increase minor versions
        increase patch version
        increase major version --from=v1.4.0 --to=main
        increase --from=v1.4.0
        pack release
        pack upgrade --version=1.5.0
        unpack release --version=1.5.0
        unpack upgrade --force
        check release
        check release --version=1.5.0
        check config
        check config production
        check config --json
        completions bash
        completions zsh
        man
    "#,
    );
}

#[test]
fn every_command_takes_the_common_options() {
    assert_parsed(
        "every_command_takes_the_common_options",
        r#"
        build release -C
        build release -V
        build release -D
        build release -V -C
        build release --compact --debug
        -V build release
        build -V release
        build release -VF
        ping -P
        ping --plain -S
        ping --runs-as-mix-task
        deploy release to production --start-deploy --runs-as-mix-task -V
    "#,
    );
}

#[test]
fn what_a_command_does_not_use_reaches_the_settings() {
    assert_parsed(
        "what_a_command_does_not_use_reaches_the_settings",
        r#"
        ping production --branch=main
        deploy release --branch=main --auto-version=revision
        show releases production
        edit relup to production --clean-deploy
        ping --version=1.5.0
    "#,
    );
}

#[test]
fn what_nobody_knows_is_ignored_with_a_hint() {
    assert_parsed(
        "what_nobody_knows_is_ignored_with_a_hint",
        r#"
        deploy release foo
        deploy release foo foo --only=x --quiet
        build release --frobnicate
        build release --frobnicate=yes production
        deploy release production now please
        start production now
        increase major versions now
        show releases all
        ping -x
        ping - --
    "#,
    );
}

#[test]
fn empty_values_are_as_if_not_given() {
    assert_parsed(
        "empty_values_are_as_if_not_given",
        r#"
        build release --branch= --auto-version=
        deploy release --version= production
        build release --branch ''
        build release --set-version=
        build release --increment-version=
        build upgrade --with=
    "#,
    );
}

#[test]
fn strategies_of_the_project() {
    assert_parsed(
        "strategies_of_the_project",
        r#"
        publish
        publish to production --version=1.5.0 -V
        publish everything --frobnicate --version=latest
        docs push
        docs push staging --set-version=2.0.0
        biuld release
        help publish
        publish --help
        docs
        docs pull
        ../../etc/x
    "#,
    );
}
