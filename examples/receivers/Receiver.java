import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.HashSet;
import java.util.Set;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** A receiver of notifications. Run: SIGNATURE_KEY=secret java Receiver.java */
public class Receiver {
    public static void main(String[] args) throws Exception {
        byte[] key = System.getenv().getOrDefault("SIGNATURE_KEY", "").getBytes(StandardCharsets.UTF_8);
        if (key.length == 0) throw new IllegalStateException("set SIGNATURE_KEY to event.notification.signature.key");
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8080"));
        Set<String> seen = new HashSet<>(); // keep it where your data is, so that it outlives the process

        HttpServer server = HttpServer.create(new InetSocketAddress(port), 0);
        server.createContext("/", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes(); // the raw bytes, never parsed and printed again
            String header = exchange.getRequestHeaders().getFirst("Elements-Webhook-Signature");
            boolean signed = MessageDigest.isEqual(signature(key, body), (header == null ? "" : header).getBytes());
            if (signed) {
                // Java has no JSON parser of its own: hand `body` to yours; the ids are those of message.events.
                for (String id : exchange.getRequestHeaders().getFirst("Pollinator-Event-Ids").split(",")) {
                    if (seen.add(id)) System.out.println(id); // else a repeat
                }
            }
            exchange.sendResponseHeaders(signed ? 204 : 401, -1);
            exchange.close();
        });
        server.start();
        System.err.println("listening on " + server.getAddress().getPort());
    }

    private static byte[] signature(byte[] key, byte[] body) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            return ("sha256=" + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes();
        } catch (java.security.GeneralSecurityException error) {
            throw new IllegalStateException(error);
        }
    }
}
