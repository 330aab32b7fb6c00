import java.nio.ByteBuffer;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.connect.storage.*;
import org.apache.kafka.connect.runtime.standalone.StandaloneConfig;
import org.apache.kafka.connect.json.JsonConverter;

/** Writes java_standalone.offsets with Kafka Connect's own classes: java -cp "<kafka jars>/*:." JavaOffsetFile FILE */
public class JavaOffsetFile {
    static ByteBuffer b(String s) { return s == null ? null : ByteBuffer.wrap(s.getBytes(java.nio.charset.StandardCharsets.UTF_8)); }
    public static void main(String[] a) throws Exception {
        Map<String, String> props = new HashMap<>();
        props.put("bootstrap.servers", "localhost:9092");
        props.put("key.converter", "org.apache.kafka.connect.json.JsonConverter");
        props.put("value.converter", "org.apache.kafka.connect.json.JsonConverter");
        props.put("offset.storage.file.filename", a[0]);
        JsonConverter kc = new JsonConverter();
        kc.configure(Map.of("schemas.enable", "false"), true);
        JsonConverter vc = new JsonConverter();
        vc.configure(Map.of("schemas.enable", "false"), false);
        FileOffsetBackingStore store = new FileOffsetBackingStore(kc);
        store.configure(new StandaloneConfig(props));
        store.start();
        Map<ByteBuffer, ByteBuffer> values = new HashMap<>();
        Object[][] data = {
            {"file-source", Map.of("filename", "/var/log/app.log"), Map.of("position", 1234567890123L)},
            {"orders-source", new TreeMap<>(Map.of("schema", "öffentlich", "table", "orders")), new TreeMap<>(Map.of("id", 1042, "ts", 1.5, "snapshot", false))},
            {"gone", Map.of("table", "dropped"), null},
            {"empty", Map.of(), Map.of()},
        };
        for (Object[] d : data) {
            byte[] k = kc.fromConnectData("", null, Arrays.asList(d[0], d[1]));
            byte[] v = vc.fromConnectData("", null, d[2]);
            values.put(ByteBuffer.wrap(k), v == null ? null : ByteBuffer.wrap(v));
        }
        values.put(b("not an offset key"), b("{}"));
        store.set(values, null).get();
        store.stop();
    }
}
