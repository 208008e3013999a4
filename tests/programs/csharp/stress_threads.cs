// Eight threads do everything at once that can go wrong together with a collection or another thread, and check what they see.
// With an argument: for that many seconds, else a fixed number of rounds. Prints what all threads together must have reached.
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

class Node
{
    public Node left, right;
    public int key;
    public Node(int key, Node left, Node right) { this.key = key; this.left = left; this.right = right; }
    public static Node Tree(int depth, int key) { return depth == 0 ? new Node(key, null, null) : new Node(key, Tree(depth - 1, key * 2), Tree(depth - 1, key * 2 + 1)); }
    public int Count(int key)
    {
        if (this.key != key) throw new InvalidOperationException("key " + this.key + " instead of " + key);
        return 1 + (left == null ? 0 : left.Count(key * 2)) + (right == null ? 0 : right.Count(key * 2 + 1));
    }
}

interface IShape { int Area(int x); }
interface ISource<out T> { T Get(); }
class Square : IShape, ISource<string> { public virtual int Area(int x) { return x * x; } public string Get() { return "square"; } }
class Cube : Square { public override int Area(int x) { return 6 * x * x; } }
struct Strip : IShape { public int width; public int Area(int x) { return width * x; } }

class Failure : Exception { public readonly int Code; public Failure(int code) : base("failure " + code) { Code = code; } }

class Box<T>
{
    public static readonly int Runs;
    public static readonly string Name;
    public T Value;
    static Box() { Runs++; Thread.Yield(); Name = typeof(T).Name; Interlocked.Increment(ref Stress.initialized); }
}
struct Pair<A, B> { public A First; public B Second; }

class Doomed
{
    readonly int[] data;
    readonly bool again;
    public Doomed(int seed, bool again) { data = new[] { seed, seed + 1, seed + 2 }; this.again = again; Interlocked.Increment(ref Stress.made); }
    ~Doomed()
    {
        if (data[1] != data[0] + 1 || data[2] != data[0] + 2) Stress.Fail("a finalizer sees garbage");
        Interlocked.Increment(ref Stress.finalized);
        if (again) new Doomed(data[0] + 7, false);
    }
}

static class Stress
{
    const int Workers = 8, Gates = 16;
    internal static int made, finalized, initialized, failed;
    static readonly object[] gates = new object[Gates];
    static readonly int[] guarded = new int[Gates];
    static readonly int[] expected = new int[Gates];
    static readonly Node[] shared = new Node[64];
    static Node stack;
    static int pushed, popped, pooled, threads, waits;
    static EventHandler chain;
    static readonly Queue<int> queue = new Queue<int>();
    static long produced, consumed;
    static readonly ConditionalWeakTable<object, string> attached = new ConditionalWeakTable<object, string>();
    static readonly string nothing = null;
    [ThreadStatic] static int own;
    [ThreadStatic] static Node ownNode;
    static readonly ThreadLocal<List<int>> ownList = new ThreadLocal<List<int>>(() => new List<int>());

    internal static void Fail(string why)
    {
        if (Interlocked.Increment(ref failed) < 20) Console.WriteLine("FAILED: " + why);
    }

    static void Check(bool right, string what) { if (!right) Fail(what); }

    sealed class Worker
    {
        uint state;
        readonly int number;
        int turns;
        public Worker(int number) { this.number = number; state = (uint)(number + 1) * 2654435761u; }

        int Below(int n)
        {
            state ^= state << 13; state ^= state >> 17; state ^= state << 5;
            return (int)(state % (uint)n);
        }

        public void Run(int rounds, DateTime end)
        {
            own = number;
            for (turns = 0; rounds > 0 ? turns < rounds : DateTime.UtcNow < end; turns++)
            {
                try
                {
                    if (rounds > 0) Turn(turns % Kinds); else Turn(Below(Kinds));
                }
                catch (Exception e) { Fail(e.ToString()); }
                if (own != number) Fail("a thread static is another thread's");
            }
        }

        const int Kinds = 18;

        void Turn(int kind)
        {
            switch (kind)
            {
                case 0: Trees(); break;
                case 1: Locks(); break;
                case 2: Throws(); break;
                case 3: Casts(); break;
                case 4: Generics(); break;
                case 5: Delegates(); break;
                case 6: LockFree(); break;
                case 7: Weak(); break;
                case 8: for (int i = 0; i < 4; i++) new Doomed(Below(1000), i == 3); break;
                case 9: Threads(); break;
                case 10: Texts(); break;
                case 11: Barriers(); break;
                case 12: Identities(); break;
                case 13: Handoff(); break;
                case 14: Waiting(); break;
                case 15: Tasks(); break;
                case 16: Inflated(); break;
                case 17: Large(); break;
            }
        }

        void Trees()
        {
            int depth = 3 + Below(5), key = 1 + Below(3);
            Node tree = Node.Tree(depth, key);
            Check(tree.Count(key) == (2 << depth) - 1, "a tree lost nodes");
            ownNode = new Node(own, ownNode != null && ownNode.key == own ? ownNode.left : null, null);
            Check(ownNode.key == number, "a reference in a thread static");
        }

        void Locks()
        {
            int gate = Below(Gates);
            for (int i = 0; i < 20; i++)
                lock (gates[gate])
                {
                    int before = guarded[gate];
                    if (i == 7) Thread.Yield();
                    lock (gates[gate]) guarded[gate] = before + 1;
                }
            Interlocked.Add(ref expected[gate], 20);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static int Deep(int depth, int code, ref int finals)
        {
            try
            {
                if (depth == 0)
                {
                    if (code % 4 == 0) return nothing.Length;
                    if (code % 4 == 1) return new int[2][][1].Length;
                    if (code % 4 == 2) return code / (code - code);
                    throw new Failure(code);
                }
                return Deep(depth - 1, code, ref finals) + new byte[depth].Length;
            }
            finally { finals++; }
        }

        void Throws()
        {
            int code = Below(100), depth = Below(12), finals = 0;
            try { Deep(depth, code, ref finals); Fail("nothing was thrown"); }
            catch (Failure f) when (f.Code == code && finals == 0) { Check(code % 4 == 3, "a failure of another kind"); }
            catch (NullReferenceException) { Check(code % 4 == 0 || code % 4 == 1, "a null"); }
            catch (ArithmeticException e) { Check(code % 4 == 2 && e is DivideByZeroException, "a division"); }
            Check(finals == depth + 1, "finally blocks: " + finals);
            try { try { throw new Failure(1); } finally { Node.Tree(4, 1); } }
            catch (Failure e) { Check(e.StackTrace.Contains("Throws"), "a trace"); }
        }

        void Casts()
        {
            object[] all = { new Square(), new Cube(), new Strip { width = 3 }, "text", new string[2], new int[3], new Node(1, null, null), 42 };
            int shapes = 0, sources = 0, arrays = 0, objects = 0;
            for (int i = 0; i < 40; i++)
            {
                object o = all[i % all.Length];
                if (o is IShape) shapes += ((IShape)o).Area(2);
                if (o is ISource<object>) sources += ((ISource<object>)o).Get().ToString().Length;
                if (o is Array) arrays += ((Array)o).Length;
                if (o is IEnumerable<object>) objects++;
                if (o is int) objects += (int)o;
            }
            Check(shapes == 5 * (4 + 24 + 6) && sources == 5 * 12 && arrays == 25 && objects == 5 * 43, "casts");
            try { all.ToString(); object wrong = (IShape)all[3 + Below(3)]; Fail("a cast of " + wrong); }
            catch (InvalidCastException) { }
            try { ((object[])all[4])[0] = all[5]; Fail("an array of strings holds an array"); }
            catch (ArrayTypeMismatchException) { }
        }

        // A type of its own for each depth: classes are made, initialized and compiled by threads at the same time.
        [MethodImpl(MethodImplOptions.NoInlining)]
        static int Nest<T>(int depth, T value)
        {
            if (Box<T>.Runs != 1 || Box<T>.Name == null) Fail("a class was used before its constructor was through: " + typeof(T));
            var box = new Box<T> { Value = value };
            int here = box.Value.Equals(value) ? 1 : 0;
            if (depth <= 0) return here;
            return here + (depth % 2 == 0 ? Nest(depth - 1, new KeyValuePair<T, int>(value, depth)) : Nest(depth - 1, new List<T> { value }));
        }

        void Generics()
        {
            int depth = Below(7);
            int got = 0;
            switch (Below(4))
            {
                case 0: got = Nest(depth, 1); break;
                case 1: got = Nest(depth, "s"); break;
                case 2: got = Nest(depth, 2.5); break;
                case 3: got = Nest(depth, new Pair<long, object> { First = depth }); break;
            }
            Check(got == depth + 1, "generics");
            Type made = typeof(Dictionary<,>).MakeGenericType(typeof(string), typeof(Pair<,>).MakeGenericType(typeof(int), typeof(int)));
            var dictionary = (System.Collections.IDictionary)Activator.CreateInstance(made);
            dictionary["k"] = new Pair<int, int> { First = number };
            Check(((Pair<int, int>)dictionary["k"]).First == number, "a dictionary made by reflection");
        }

        void Delegates()
        {
            int calls = 0;
            EventHandler mine = (sender, e) => { if (sender == (object)this) calls++; };
            // Delegates are compared as objects: equal chains need not be the same.
            EventHandler before;
            do before = chain; while (!ReferenceEquals(Interlocked.CompareExchange(ref chain, before + mine, before), before));
            chain(this, EventArgs.Empty);
            do before = chain; while (!ReferenceEquals(Interlocked.CompareExchange(ref chain, before - mine, before), before));
            Check(calls >= 1, "a delegate in a chain was not called");
            Func<int, Func<int, int>> add = x => y => x + y + number;
            Check(add(3)(4) == 7 + number, "a closure");
        }

        void LockFree()
        {
            for (int i = 0; i < 20; i++)
            {
                var node = new Node(number, null, null);
                do node.left = Volatile.Read(ref stack); while (Interlocked.CompareExchange(ref stack, node, node.left) != node.left);
                Interlocked.Increment(ref pushed);
            }
            for (int i = 0; i < 20; i++)
            {
                Node top;
                do top = Volatile.Read(ref stack); while (top != null && Interlocked.CompareExchange(ref stack, top.left, top) != top);
                if (top == null) break;
                Check(top.key >= 0 && top.key < Workers, "a node of the stack is garbage");
                Interlocked.Increment(ref popped);
            }
        }

        void Weak()
        {
            var target = new Node(77, null, null);
            var weak = new WeakReference(target);
            var handle = GCHandle.Alloc(target, GCHandleType.Normal);
            var gone = new WeakReference<Node>(new Node(78, null, null));
            attached.Add(target, "attached " + number);
            Node.Tree(6, 1);
            Node still;
            if (gone.TryGetTarget(out still)) Check(still.key == 78, "a weak reference to garbage");
            Check(weak.Target == target && handle.Target == target, "handles of a live object");
            string text;
            Check(attached.TryGetValue(target, out text) && text == "attached " + number, "a value attached to an object");
            handle.Free();
            var bytes = new byte[64];
            bytes[5] = (byte)number;
            var pin = GCHandle.Alloc(bytes, GCHandleType.Pinned);
            IntPtr address = pin.AddrOfPinnedObject();
            Node.Tree(5, 1);
            Check(Marshal.ReadByte(address, 5) == number && pin.AddrOfPinnedObject() == address, "a pinned array moved");
            pin.Free();
            GC.KeepAlive(target);
        }

        void Threads()
        {
            if (Below(4) != 0) return;
            int seen = 0;
            var thread = new Thread(o => { seen = own == 0 ? (int)o : -1; own = -5; Node.Tree(4, 1); try { throw new Failure(2); } catch (Failure) { seen++; } });
            thread.Start(number + 10);
            thread.Join();
            Check(seen == number + 11, "a thread's work is not seen: " + seen);
            Interlocked.Increment(ref threads);
        }

        void Texts()
        {
            var text = new StringBuilder();
            for (int i = 0; i < 10; i++) text.Append(i).Append(',').AppendFormat("{0:x}-{1}", i * number, i % 2 == 0);
            string s = text.ToString();
            Check(s.StartsWith("0,0-True1,") && s.Split(',').Length == 11, "text " + s);
            var counts = new Dictionary<string, int>();
            for (int i = 0; i < 50; i++) { string key = "key" + (i % 7); int n; counts.TryGetValue(key, out n); counts[key] = n + 1; }
            int sum = 0;
            foreach (var entry in counts) sum += entry.Value * (entry.Key[3] - '0' + 1);
            Check(counts.Count == 7 && sum == 50 + 7 * 21 + 0, "a dictionary: " + sum);
        }

        void Barriers()
        {
            for (int i = 0; i < 30; i++)
            {
                int at = Below(shared.Length);
                shared[at] = new Node(at, shared[at] == null ? null : new Node(at, null, null), null);
                Node other = Volatile.Read(ref shared[Below(shared.Length)]);
                if (other != null && other.left != null) Check(other.left.key == other.key, "an old object points to garbage");
            }
            var copy = new Node[shared.Length];
            Array.Copy(shared, copy, copy.Length);
            for (int i = 0; i < copy.Length; i++) if (copy[i] != null) Check(copy[i].key == i, "a copied array");
        }

        void Identities()
        {
            var all = new Dictionary<object, int>();
            var list = new List<object>();
            for (int i = 0; i < 20; i++) { var o = new object(); all[o] = i; list.Add(o); if (i % 3 == 0) lock (o) all[o] = i; }
            Node.Tree(6, 1);
            for (int i = 0; i < 20; i++) Check(all[list[i]] == i, "an object's hash code changed");
        }

        void Handoff()
        {
            lock (queue)
            {
                for (int i = 0; i < 3; i++) { queue.Enqueue(number + 1); Interlocked.Add(ref produced, number + 1); }
                Monitor.Pulse(queue);
            }
        }

        // Waits on an object of its own, which another thread pulses.
        void Waiting()
        {
            if (Below(3) != 0) return;
            var gate = new object();
            bool done = false;
            ThreadPool.QueueUserWorkItem(_ => { Node.Tree(3, 1); lock (gate) { done = true; Monitor.PulseAll(gate); } });
            lock (gate) while (!done) if (!Monitor.Wait(gate, 60000)) { Fail("a pulse got lost"); break; }
            Interlocked.Increment(ref waits);
        }

        void Tasks()
        {
            if (Below(3) != 0) return;
            Task<int>[] tasks = new Task<int>[3];
            for (int i = 0; i < tasks.Length; i++) { int n = i; tasks[i] = Task.Run(() => { Node.Tree(3, 1); if (n == 2) throw new Failure(n); return n + number; }); }
            int sum = 0, faults = 0;
            foreach (var task in tasks)
                try { sum += task.Result; } catch (AggregateException e) { faults += ((Failure)e.InnerException).Code; }
            Check(sum == 1 + 2 * number && faults == 2, "tasks");
            sum = Sum(4).Result;
            Check(sum == 10, "an async method: " + sum);
            Interlocked.Increment(ref pooled);
        }

        static async Task<int> Sum(int n)
        {
            if (n == 0) return 0;
            if (n % 2 == 0) await Task.Yield();
            return n + await Sum(n - 1);
        }

        // Locks become objects of the runtime when two want them, or when one waits; here many objects get one for a moment.
        void Inflated()
        {
            var objects = new object[8];
            for (int i = 0; i < objects.Length; i++) { objects[i] = new object(); RuntimeHelpers.GetHashCode(objects[i]); }
            foreach (object o in objects) lock (o) Check(!Monitor.Wait(o, 0), "a pulse from nowhere");
            foreach (object o in objects) { Check(Monitor.TryEnter(o), "a new object is locked"); Monitor.Exit(o); }
            try { Monitor.Exit(objects[0]); Fail("an object that is not locked was unlocked"); } catch (SynchronizationLockException) { }
            ownList.Value.Add(number);
            if (ownList.Value.Count > 100) ownList.Value.Clear();
            foreach (int n in ownList.Value) Check(n == number, "a ThreadLocal of another thread");
        }

        void Large()
        {
            var big = new Node[3000 + Below(3000)];
            for (int i = 0; i < big.Length; i += 97) big[i] = new Node(i, null, null);
            Node.Tree(5, 1);
            for (int i = 0; i < big.Length; i += 97) Check(big[i].key == i && big[i + 1 < big.Length ? i + 1 : 0] == (i + 1 < big.Length ? null : big[0]), "a large array");
            var grid = new double[20, 30];
            grid[19, 29] = number;
            Check(grid[19, 29] == number && grid.Length == 600, "a grid");
        }

        public int Turns { get { return turns; } }
    }

    static void Consume()
    {
        while (true)
        {
            int item;
            lock (queue)
            {
                while (queue.Count == 0) Monitor.Wait(queue);
                item = queue.Dequeue();
            }
            if (item < 0) return;
            consumed += item;
        }
    }

    static void Main(string[] args)
    {
        int seconds = args.Length > 0 ? int.Parse(args[0]) : 0;
        DateTime end = DateTime.UtcNow.AddSeconds(seconds);
        for (int i = 0; i < Gates; i++) gates[i] = new object();
        int ticks = 0;
        var timer = new Timer(_ => { Node.Tree(4, 1); Interlocked.Increment(ref ticks); }, null, 1, 5);
        var consumer = new Thread(Consume);
        consumer.Start();
        var workers = new Worker[Workers];
        var all = new Thread[Workers];
        for (int i = 0; i < Workers; i++)
        {
            Worker worker = workers[i] = new Worker(i);
            all[i] = new Thread(() => worker.Run(seconds > 0 ? 0 : 18 * 4, end));
            all[i].Start();
        }
        long turns = 0;
        for (int i = 0; i < Workers; i++) { all[i].Join(); turns += workers[i].Turns; }
        lock (queue) { queue.Enqueue(-1); Monitor.PulseAll(queue); }
        consumer.Join();
        timer.Dispose();
        for (int i = 0; i < Gates; i++) Check(guarded[i] == expected[i], "a lock let two threads in: " + guarded[i] + " instead of " + expected[i]);
        int left = 0;
        for (Node n = stack; n != null; n = n.left) left++;
        Check(pushed - popped == left, "the stack lost nodes");
        Check(produced == consumed, "the queue lost numbers");
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Check(made > 0 && finalized <= made, "finalizers: " + finalized + " of " + made);
        Check(chain == null, "the chain of delegates is not empty");
        if (seconds > 0)
            Console.WriteLine(turns + " turns, " + made + " objects with finalizers, " + finalized + " finalized, " + threads + " threads, "
                + waits + " waits, " + pooled + " rounds of tasks, " + initialized + " classes, " + ticks + " ticks, " + GC.CollectionCount(0) + " collections");
        else
            Console.WriteLine(turns + " turns, " + produced + " handed over");
        Console.WriteLine(failed == 0 ? "right" : failed + " failures");
        Environment.Exit(failed == 0 ? 0 : 1);
    }
}
