"""A real Kafka broker on loopback, one node, for the tests; run under the Python of tests/peers for its client."""
import os
import random
import socket
import subprocess
import time

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from peers import peer

SETTINGS = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.enable=false
"""


def free_ports():
    """Two, below those that the kernel gives to connections: the broker must have them again after a restart."""
    found = []
    for port in random.sample(range(20000, 32000), 200):
        with socket.socket() as x:
            try:
                x.bind(("127.0.0.1", port))
                found.append(port)
            except OSError:
                continue
        if len(found) == 2:
            return found
    raise AssertionError("no free ports")


class Broker:
    def __init__(self, folder, **settings):
        port, controller = free_ports()
        self.folder, self.address, self.process = folder, f"127.0.0.1:{port}", None
        os.makedirs(folder)
        self.java = ["java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", os.path.join(peer("kafka"), "libs/*")]
        self.settings = os.path.join(folder, "server.properties")
        with open(self.settings, "w") as f:
            f.write(SETTINGS.format(port=port, controller=controller, folder=folder))
            f.writelines(f"{name}={value}\n" for name, value in settings.items())
        self.log = open(os.path.join(folder, "log"), "wb")
        subprocess.run([*self.java, "kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", self.settings], check=True,
                       stdout=self.log, stderr=self.log)
        self.start()

    def start(self):
        self.process = subprocess.Popen([*self.java, "kafka.Kafka", self.settings], stdout=self.log, stderr=self.log)
        self.admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        end = time.monotonic() + 60
        while True:
            try:
                return self.admin.list_topics(timeout=2)
            except Exception:
                assert time.monotonic() < end and self.process.poll() is None, "the broker did not answer"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def topic(self, name, partitions=4, **config):
        for f in self.admin.create_topics([NewTopic(name, partitions, 1, config=config)]).values():
            f.result(30)

    def produce(self, topic, numbers, text=lambda i: f"request id={i} of user bob", key=lambda i: str(i % 97), headers=None):
        p = Producer({"bootstrap.servers": self.address, "linger.ms": 20, "queue.buffering.max.messages": 1000000, "log_level": 0})
        for n, i in enumerate(numbers):
            p.produce(topic, text(i), key=key(i), headers=headers)
            if n % 1000 == 0:
                p.poll(0)
        assert p.flush(60) == 0

    def read(self, topic, wanted, seconds=60, quiet=2.0):
        """Messages of the topic, committed ones, until there are so many and then nothing for a while."""
        c = Consumer({"bootstrap.servers": self.address, "group.id": f"test-{time.monotonic_ns()}", "auto.offset.reset": "earliest",
                      "isolation.level": "read_committed", "enable.auto.commit": False, "log_level": 0})
        c.subscribe([topic])
        got, end, last = [], time.monotonic() + seconds, time.monotonic()
        while time.monotonic() < end and (len(got) < wanted or time.monotonic() - last < quiet):
            for m in c.consume(10000, 0.2):
                if not m.error():
                    got.append(m)
                    last = time.monotonic()
        c.close()
        return got

    def committed(self, group, topic, partitions=4):
        from confluent_kafka import TopicPartition
        c = Consumer({"bootstrap.servers": self.address, "group.id": group, "log_level": 0})
        offsets = [p.offset for p in c.committed([TopicPartition(topic, n) for n in range(partitions)], 30)]
        c.close()
        return offsets
