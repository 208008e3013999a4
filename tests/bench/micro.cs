// Micro-benchmarks: what single operations of managed code cost.
//
//   micro.exe            prints the number of benchmarks
//   micro.exe N          runs benchmark N, prints "name nanoseconds checksum" (nanoseconds per operation, the best of many short rounds,
//                      so that other load on the machine shows little)
//
// Time, output and cheap foreign calls come from libc, so that a benchmark needs next to nothing of the class library.
// `cargo run -p isthmus-tests --bin micro-bench` runs all of them on isthmus and on mono.

using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;

static class Libc
{
    public struct Time { public long Seconds, Nanoseconds; }

    [DllImport("libc")] public static extern int clock_gettime(int clock, out Time time);
    [DllImport("libc")] public static extern int putchar(int c);
    [DllImport("libc")] public static extern int fflush(IntPtr stream);
    [DllImport("libc")] public static extern int abs(int x);

    const int Monotonic = 1;

    public static long Now()
    {
        Time time;
        clock_gettime(Monotonic, out time);
        return time.Seconds * 1000000000 + time.Nanoseconds;
    }
}

// What Console does elsewhere.
static class Out
{
    public static void Text(string text)
    {
        for (int i = 0; i < text.Length; i++) Libc.putchar(text[i]);
    }

    public static void Number(long n)
    {
        if (n < 0) { Libc.putchar('-'); n = -n; }
        if (n >= 10) Number(n / 10);
        Libc.putchar('0' + (int)(n % 10));
    }

    // A number of hundredths.
    public static void Hundredths(long n)
    {
        Number(n / 100);
        Libc.putchar('.');
        Libc.putchar('0' + (int)(n / 10 % 10));
        Libc.putchar('0' + (int)(n % 10));
    }

    public static void End()
    {
        Libc.putchar('\n');
        Libc.fflush(IntPtr.Zero);
    }
}

// A benchmark does its operation `n` times and returns a checksum that depends on all of them.
abstract class Benchmark
{
    public abstract string Name { get; }
    // Operations per round.
    public virtual int Count { get { return 200000; } }
    // Operations counted for each step of Run's loop.
    public virtual int PerStep { get { return 1; } }
    public abstract long Run(int n);
}

// ---- Calls

abstract class Shape { public abstract int Sides(int x); }
class Triangle : Shape, ISides { public override int Sides(int x) { return x + 3; } public int Corners(int x) { return x + 3; } }
class Square : Shape, ISides { public override int Sides(int x) { return x + 4; } public int Corners(int x) { return x + 4; } }
class Pentagon : ISides { public int Corners(int x) { return x + 5; } }
class Hexagon : ISides { public int Corners(int x) { return x + 6; } }
class Octagon : ISides { public int Corners(int x) { return x + 8; } }
interface ISides { int Corners(int x); }

class StaticCall : Benchmark
{
    public override string Name { get { return "static call"; } }
    public override int Count { get { return 2000000; } }
    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Next(int x) { return x + 3; }
    public override long Run(int n) { int x = 0; for (int i = 0; i < n; i++) x = Next(x); return x; }
}

class VirtualCall : Benchmark
{
    public override string Name { get { return "virtual call"; } }
    public override int Count { get { return 2000000; } }
    public override long Run(int n)
    {
        Shape[] shapes = { new Triangle(), new Square() };
        int x = 0;
        for (int i = 0; i < n; i++) x = shapes[i & 1].Sides(x);
        return x;
    }
}

class InterfaceCall : Benchmark
{
    public override string Name { get { return "interface call, one class"; } }
    public override int Count { get { return 2000000; } }
    public override long Run(int n)
    {
        ISides[] shapes = { new Triangle(), new Triangle() };
        int x = 0;
        for (int i = 0; i < n; i++) x = shapes[i & 1].Corners(x);
        return x;
    }
}

class InterfaceCallMany : Benchmark
{
    public override string Name { get { return "interface call, five classes"; } }
    public override int Count { get { return 2000000; } }
    public override long Run(int n)
    {
        ISides[] shapes = { new Triangle(), new Square(), new Pentagon(), new Hexagon(), new Octagon(), new Square(), new Pentagon(), new Hexagon() };
        int x = 0;
        for (int i = 0; i < n; i++) x = shapes[(i * 5) & 7].Corners(x);
        return x;
    }
}

delegate int Step(int x);

class DelegateCall : Benchmark
{
    public override string Name { get { return "delegate call, instance"; } }
    public override int Count { get { return 2000000; } }
    int delta = 3;
    int Add(int x) { return x + delta; }
    public override long Run(int n) { Step step = Add; int x = 0; for (int i = 0; i < n; i++) x = step(x); return x; }
}

class DelegateCallStatic : Benchmark
{
    public override string Name { get { return "delegate call, static"; } }
    public override int Count { get { return 2000000; } }
    static int Add(int x) { return x + 3; }
    public override long Run(int n) { Step step = Add; int x = 0; for (int i = 0; i < n; i++) x = step(x); return x; }
}

class GenericCall : Benchmark
{
    public override string Name { get { return "generic method, shared code"; } }
    public override int Count { get { return 1000000; } }
    [MethodImpl(MethodImplOptions.NoInlining)]
    static bool Is<T>(object o) where T : class { return o is T; }
    public override long Run(int n)
    {
        object[] things = { new Triangle(), new Square() };
        int x = 0;
        for (int i = 0; i < n; i++) if (Is<Square>(things[i & 1])) x++;
        return x;
    }
}

class Box<T>
{
    T value;
    public Box(T value) { this.value = value; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public T Swap(T other) { T old = value; value = other; return old; }
}

class GenericClass : Benchmark
{
    public override string Name { get { return "method of a generic class, over a reference"; } }
    public override int Count { get { return 1000000; } }
    public override long Run(int n)
    {
        Shape shape = new Triangle();
        Box<Shape> box = new Box<Shape>(new Square());
        for (int i = 0; i < n; i++) shape = box.Swap(shape);
        return shape.Sides(0);
    }
}

class ForeignCall : Benchmark
{
    public override string Name { get { return "P/Invoke (abs)"; } }
    public override int Count { get { return 1000000; } }
    public override long Run(int n) { int x = 0; for (int i = 0; i < n; i++) x = Libc.abs(x - 1) + 1; return x; }
}

class InternalCall : Benchmark
{
    public override string Name { get { return "internal call (GC.GetGeneration)"; } }
    public override int Count { get { return 1000000; } }
    public override long Run(int n)
    {
        object old = "interned";
        int x = 0;
        for (int i = 0; i < n; i++) x += GC.GetGeneration(old) + 1;
        return x > 0 ? n : 0;
    }
}

class ClassOfObject : Benchmark
{
    public override string Name { get { return "GetType, compared with typeof"; } }
    public override int Count { get { return 1000000; } }
    public override long Run(int n)
    {
        object[] objects = { new object(), "text", new int[1], 5 };
        int x = 0;
        for (int i = 0; i < n; i++) if (objects[i & 3].GetType() == typeof(string)) x++;
        return x;
    }
}

class ShapeOfArray : Benchmark
{
    public override string Name { get { return "Array.GetLength"; } }
    public override int Count { get { return 1000000; } }
    public override long Run(int n)
    {
        Array[] arrays = { new int[3], new string[4] };
        int x = 0;
        for (int i = 0; i < n; i++) x += arrays[i & 1].GetLength(0);
        return x;
    }
}

class Recursion : Benchmark
{
    public override string Name { get { return "fib(32), a call"; } }
    public override int Count { get { return 1; } }
    public override int PerStep { get { return 7049155; } }
    static int Fib(int n) { return n < 2 ? n : Fib(n - 1) + Fib(n - 2); }
    public override long Run(int n) { long sum = 0; for (int i = 0; i < n; i++) sum += Fib(32); return sum; }
}

// ---- Objects and memory

#pragma warning disable 649 // `Next` is there to be a reference in the object
class Node { public Node Next; public int Value; }
#pragma warning restore 649

class Allocation : Benchmark
{
    public override string Name { get { return "allocation, 24 bytes"; } }
    public override int Count { get { return 1000000; } }
    Node last;
    public override long Run(int n)
    {
        int sum = 0;
        for (int i = 0; i < n; i++) { Node node = new Node(); node.Value = i; last = node; sum += last.Value; }
        return sum;
    }
}

class AllocationOfArrays : Benchmark
{
    public override string Name { get { return "allocation, int[16]"; } }
    public override int Count { get { return 400000; } }
    int[] last;
    public override long Run(int n)
    {
        int sum = 0;
        for (int i = 0; i < n; i++) { last = new int[16]; sum += last.Length; }
        return sum;
    }
}

class Boxing : Benchmark
{
    public override string Name { get { return "boxing and unboxing"; } }
    public override int Count { get { return 1000000; } }
    object last;
    public override long Run(int n)
    {
        int sum = 0;
        for (int i = 0; i < n; i++) { last = i; sum += (int)last; }
        return sum;
    }
}

class StoreReference : Benchmark
{
    public override string Name { get { return "store of a reference into an array"; } }
    public override int Count { get { return 2000000; } }
    public override long Run(int n)
    {
        Node[] nodes = new Node[64];
        Node node = new Node();
        for (int i = 0; i < n; i++) nodes[i & 63] = node;
        return nodes[5] == node ? 1 : 0;
    }
}

class Lock : Benchmark
{
    public override string Name { get { return "lock and unlock"; } }
    public override long Run(int n)
    {
        object gate = new object();
        int x = 0;
        for (int i = 0; i < n; i++) lock (gate) x++;
        return x;
    }
}

class Counter
{
    public static int Value;
    static Counter() { Value = Libc.abs(-7); }
}

class StaticField : Benchmark
{
    public override string Name { get { return "static field, class constructor has run"; } }
    public override int Count { get { return 5000000; } }
    public override long Run(int n) { Counter.Value = 0; for (int i = 0; i < n; i++) Counter.Value += i; return Counter.Value; }
}

class Cast : Benchmark
{
    public override string Name { get { return "cast to a class"; } }
    public override int Count { get { return 2000000; } }
    public override long Run(int n)
    {
        object[] things = { new Triangle(), new Square() };
        int sum = 0;
        for (int i = 0; i < n; i++) sum += ((Shape)things[i & 1]) != null ? 1 : 0;
        return sum;
    }
}

class InterfaceCast : Benchmark
{
    public override string Name { get { return "cast to an interface"; } }
    public override int Count { get { return 2000000; } }
    public override long Run(int n)
    {
        object[] things = { new Triangle(), new Square() };
        int sum = 0;
        for (int i = 0; i < n; i++) sum += ((ISides)things[i & 1]) != null ? 1 : 0;
        return sum;
    }
}

class ArraySum : Benchmark
{
    public override string Name { get { return "sum of an int[1024], an element"; } }
    public override int Count { get { return 2000; } }
    public override int PerStep { get { return 1024; } }
    static int Sum(int[] array) { int sum = 0; for (int i = 0; i < array.Length; i++) sum += array[i]; return sum; }
    public override long Run(int n)
    {
        int[] array = new int[1024];
        for (int i = 0; i < array.Length; i++) array[i] = i;
        long sum = 0;
        for (int i = 0; i < n; i++) sum += Sum(array);
        return sum;
    }
}

class MatrixSum : Benchmark
{
    public override string Name { get { return "sum of an int[32,32], an element"; } }
    public override int Count { get { return 2000; } }
    public override int PerStep { get { return 1024; } }
    static int Sum(int[,] matrix)
    {
        int sum = 0;
        for (int i = 0; i < 32; i++) for (int j = 0; j < 32; j++) sum += matrix[i, j];
        return sum;
    }
    public override long Run(int n)
    {
        int[,] matrix = new int[32, 32];
        for (int i = 0; i < 32; i++) for (int j = 0; j < 32; j++) matrix[i, j] = i * j;
        long sum = 0;
        for (int i = 0; i < n; i++) sum += Sum(matrix);
        return sum;
    }
}

class Floats : Benchmark
{
    public override string Name { get { return "x * a + b, double"; } }
    public override int Count { get { return 5000000; } }
    public override long Run(int n) { double x = 0; for (int i = 0; i < n; i++) x = x * 0.5 + i; return (long)x; }
}

class Division : Benchmark
{
    public override string Name { get { return "division by a variable, int"; } }
    public override int Count { get { return 2000000; } }
    public override long Run(int n)
    {
        int d = Libc.abs(-7), sum = 0;
        for (int i = 0; i < n; i++) sum += i / d;
        return sum;
    }
}

// ---- Exceptions

class Thrown : Exception { public Thrown() : base("thrown") {} }

class ThrowCatch : Benchmark
{
    public override string Name { get { return "throw and catch, depth 1"; } }
    public override int Count { get { return 10000; } }
    protected Thrown exception = new Thrown();
    [MethodImpl(MethodImplOptions.NoInlining)]
    protected void Throw() { throw exception; }
    public override long Run(int n)
    {
        int caught = 0;
        for (int i = 0; i < n; i++) { try { Throw(); } catch (Thrown) { caught++; } }
        return caught;
    }
}

class ThrowCatchDeep : ThrowCatch
{
    public override string Name { get { return "throw and catch, depth 20"; } }
    public override int Count { get { return 5000; } }
    [MethodImpl(MethodImplOptions.NoInlining)]
    int Down(int depth) { if (depth == 1) Throw(); return Down(depth - 1) + 1; }
    public override long Run(int n)
    {
        int caught = 0;
        for (int i = 0; i < n; i++) { try { Down(20); } catch (Thrown) { caught++; } }
        return caught;
    }
}

class ThrowNew : Benchmark
{
    public override string Name { get { return "throw of a new exception and catch"; } }
    public override int Count { get { return 5000; } }
    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Throw() { throw new Thrown(); }
    public override long Run(int n)
    {
        int caught = 0;
        for (int i = 0; i < n; i++) { try { Throw(); } catch (Thrown) { caught++; } }
        return caught;
    }
}

class NullReference : Benchmark
{
    public override string Name { get { return "null dereference and catch"; } }
    public override int Count { get { return 5000; } }
    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Read(Node node) { return node.Value; }
    public override long Run(int n)
    {
        int caught = 0;
        for (int i = 0; i < n; i++) { try { Read(null); } catch (NullReferenceException) { caught++; } }
        return caught;
    }
}

class Finally : Benchmark
{
    public override string Name { get { return "try and finally, no exception"; } }
    public override int Count { get { return 2000000; } }
    int depth;
    public override long Run(int n)
    {
        long sum = 0;
        for (int i = 0; i < n; i++) { try { depth++; sum += depth; } finally { depth--; } }
        return sum + depth;
    }
}

static class Micro
{
    const int Rounds = 30;

    static readonly Benchmark[] all = {
        new StaticCall(), new VirtualCall(), new InterfaceCall(), new InterfaceCallMany(), new DelegateCall(), new DelegateCallStatic(),
        new GenericCall(), new GenericClass(), new ForeignCall(), new InternalCall(), new ClassOfObject(), new ShapeOfArray(), new Recursion(),
        new Allocation(), new AllocationOfArrays(), new Boxing(), new StoreReference(), new Lock(), new StaticField(), new Cast(), new InterfaceCast(),
        new ArraySum(), new MatrixSum(), new Floats(), new Division(),
        new ThrowCatch(), new ThrowCatchDeep(), new ThrowNew(), new NullReference(), new Finally(),
    };

    static int Main(string[] args)
    {
        if (args.Length == 0) { Out.Number(all.Length); Out.End(); return 0; }
        int number = 0;
        for (int i = 0; i < args[0].Length; i++) number = number * 10 + (args[0][i] - '0');
        if (number >= all.Length) return 1;

        Benchmark benchmark = all[number];
        int count = benchmark.Count;
        long checksum = benchmark.Run(count / 20 + 1);
        long best = long.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            long start = Libc.Now();
            checksum = benchmark.Run(count);
            long time = Libc.Now() - start;
            if (time < best) best = time;
        }
        Out.Text(benchmark.Name);
        Libc.putchar('\t');
        Out.Hundredths(best * 100 / ((long)count * benchmark.PerStep));
        Libc.putchar('\t');
        Out.Number(checksum);
        Out.End();
        return 0;
    }
}
