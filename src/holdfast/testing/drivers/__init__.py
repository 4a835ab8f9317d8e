"""Drivers for tests: they wrap another driver, inside or outside of the layers, and misbehave or watch.

FaultyDriver     fails where a plan says
SlowDriver       delays every call
CountingDriver   records every call
"""

from holdfast.testing.drivers.counting import CountingDriver
from holdfast.testing.drivers.faulty import FaultyDriver
from holdfast.testing.drivers.interception import InterceptingDriver, Step
from holdfast.testing.drivers.plan import Fault, FaultPlan, RandomFaults
from holdfast.testing.drivers.slow import SlowDriver

__all__ = [
    "CountingDriver",
    "Fault",
    "FaultPlan",
    "FaultyDriver",
    "InterceptingDriver",
    "RandomFaults",
    "SlowDriver",
    "Step",
]
