%% Greets, and counts whom it has greeted.
-module(hello_rebar3_greeter).

-behaviour(gen_server).

-export([start_link/0, greet/1]).
-export([init/1, handle_call/3, handle_cast/2]).

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% Returns the greeting with the number of greetings so far.
greet(Name) ->
    gen_server:call(?MODULE, {greet, Name}).

init([]) ->
    {ok, 0}.

handle_call({greet, Name}, _From, Count) ->
    {reply, {"Hello, " ++ Name ++ ", from " ++ hello_rebar3:version(), Count + 1}, Count + 1}.

handle_cast(_Message, Count) ->
    {noreply, Count}.
