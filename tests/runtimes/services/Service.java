// SPDX-License-Identifier: MIT
// The service of README.md on a JVM: a pool of threads, one of which forgets to close.
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;

public class Service {
    private static final Set<Socket> kept = ConcurrentHashMap.newKeySet();
    private static final Map<String, Integer> seen = new ConcurrentSkipListMap<>();

    private static void saw(String what) {
        seen.merge(what, 1, Integer::sum);
    }

    private static String report() {
        return seen.entrySet().stream()
            .map(entry -> "\"" + entry.getKey() + "\":" + entry.getValue())
            .collect(Collectors.joining(",", "{", "}"));
    }

    private static void write(Socket socket, String line) throws IOException {
        socket.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
    }

    private static void touch() {
        for (Socket socket : kept) {
            kept.remove(socket);
            try {
                saw("read: " + socket.getInputStream().read());
            } catch (IOException error) {
                saw("read: " + error);
            }
            try {
                write(socket, "late");
                saw("write: done");
            } catch (IOException error) {
                saw("write: " + error);
            }
            try {
                socket.close();
                saw("close: done");
            } catch (IOException error) {
                saw("close: " + error);
            }
        }
    }

    /** Returns whether the connection is to be read on. */
    private static boolean answer(Socket socket, String line) throws IOException {
        if (line.startsWith("echo ")) {
            write(socket, line.substring(5));
        } else if (line.equals("leak") || line.equals("stall")) {
            kept.add(socket);
            write(socket, "kept");
            return line.equals("leak");
        } else {
            if (line.equals("touch")) touch();
            write(socket, report());
        }
        return true;
    }

    private static void serve(Socket socket) {
        try {
            var input = new BufferedReader(new InputStreamReader(socket.getInputStream()));
            for (String line = input.readLine(); line != null; line = input.readLine()) {
                if (!answer(socket, line)) return;
            }
            if (kept.contains(socket)) {
                saw("read: -1");
                return;
            }
            socket.close();
        } catch (IOException error) {
            System.err.println("not on a kept socket: " + error);
        }
    }

    public static void main(String[] arguments) throws IOException {
        var pool = Executors.newFixedThreadPool(16);
        var server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        System.out.println(server.getLocalPort());
        for (;;) {
            Socket socket = server.accept();
            pool.execute(() -> serve(socket));
        }
    }
}
