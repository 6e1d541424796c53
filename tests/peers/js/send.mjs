// node send.mjs otlp-proto|otlp-json|loki-snappy|loki-json URL FROM TO
import { OTLPLogExporter as Json } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as Proto } from "@opentelemetry/exporter-logs-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import winston from "winston";
import LokiTransport from "winston-loki";

const [kind, url, from, to] = process.argv.slice(2);
const line = (i) => `request id=${i} of user bob`;

async function otlp() {
    const exporter = kind === "otlp-json" ? new Json({ url }) : new Proto({ url, compression: "gzip" });
    const provider = new LoggerProvider({
        resource: resourceFromAttributes({ "service.name": "shop", "host.name": "h1" }),
        processors: [new BatchLogRecordProcessor(exporter, { maxQueueSize: 100000 })],
    });
    const log = provider.getLogger("x");
    for (let i = Number(from); i < Number(to); i++)
        log.emit({ severityNumber: 17, severityText: "ERROR", body: line(i), attributes: { deep: { a: [1, "x"] } } });
    await provider.shutdown();
}

async function loki() {
    const transport = new LokiTransport({ host: url, json: kind === "loki-json", labels: { app: "web" }, interval: 1, format: winston.format.printf((x) => x.message) });
    const log = winston.createLogger({ transports: [transport] });
    for (let i = Number(from); i < Number(to); i++) log.info(line(i));
    await new Promise((done) => setTimeout(done, 100)); // winston hands on in its own time
    await transport.flush();
    process.exit(0);
}

await (kind.startsWith("otlp") ? otlp() : loki());
