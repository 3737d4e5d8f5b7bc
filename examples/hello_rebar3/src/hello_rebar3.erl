%% A small application to build and deploy.
-module(hello_rebar3).

-export([version/0]).

%% The version of the running application, as a string.
-spec version() -> string().
version() ->
    {ok, Version} = application:get_key(hello_rebar3, vsn),
    Version.
