"""Waiting that ends early, and who ended it."""

import asyncio

import pytest

from gateway.bridge.waiting import unless


async def test_what_is_over_ends_the_waiting() -> None:
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(unless(over, asyncio.Event().wait()))
    await asyncio.sleep(0)
    over.set_result(None)
    assert await waiting is None


async def test_who_is_cancelled_does_not_go_on_though_it_is_over_too() -> None:
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(unless(over, asyncio.Event().wait()))
    await asyncio.sleep(0)
    over.set_result(None)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
