"""What can be counted of a running server? Messages, times, pushes and errors for Prometheus; no person and no text is among the labels."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from storage.store import Store, StoreError

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The numbers of one app; each app has its own, so that one process can hold several."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, store: Store, pushing: tuple[str, ...]) -> None:
        self._registry = CollectorRegistry()
        self._messages = Counter("yizhan_messages", "Messages handled", ["channel", "outcome"], registry=self._registry)
        self._turns = Histogram("yizhan_turn_seconds", "Time of a turn", ["channel"], buckets=_SECONDS, registry=self._registry)
        self._errors = Counter("yizhan_errors", "Requests that failed by our fault", ["error"], registry=self._registry)
        self._series: dict[tuple[str, str], tuple[Counter, Histogram]] = {}
        self._registry.register(_Pushes(store, pushing))

    def message(self, channel: str, outcome: str, seconds: float) -> None:
        """Count a message: an `Observer` of bot.handle."""
        series = self._series.get((channel, outcome))
        if series is None:  # looked up once: finding a series by its labels costs more than counting
            series = self._series[channel, outcome] = (self._messages.labels(channel, outcome), self._turns.labels(channel))
        series[0].inc()
        series[1].observe(seconds)

    def error(self, error: BaseException) -> None:
        """Count a failure by the exception's class."""
        self._errors.labels(type(error).__name__).inc()

    def text(self) -> bytes:
        """All numbers in Prometheus' text format."""
        return generate_latest(self._registry)


class _Pushes(Collector):
    """Pushes by channel and state, counted in the store when asked."""

    def __init__(self, store: Store, channels: tuple[str, ...]) -> None:
        self._store, self._channels = store, channels

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One gauge; without values while the store fails, which /healthz tells."""
        found = GaugeMetricFamily("yizhan_pushes", "Pushes in the queue", labels=["channel", "state"])
        for channel in self._channels:
            try:
                states = self._store.push_states(channel)
            except StoreError:
                break
            for state, count in states.items():
                found.add_metric([channel, state], count)
        yield found
