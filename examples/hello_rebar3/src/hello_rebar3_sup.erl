-module(hello_rebar3_sup).

-behaviour(supervisor).

-export([start_link/0, init/1]).

start_link() ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, []).

init([]) ->
    Greeter = #{id => hello_rebar3_greeter, start => {hello_rebar3_greeter, start_link, []}},
    {ok, {#{strategy => one_for_one}, [Greeter]}}.
