// A program that has at least one row in nearly every metadata table that mcs can fill.
// Built into sample.exe by:
//   mcs -unsafe -optimize+ -nowarn:0067,0169,0414,0649 -resource:sample.cs,source.txt sample.cs
// The tests in clr/tests/metadata_sample.rs state what it contains.
using System;
using System.Collections.Generic;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

[assembly: AssemblyVersion("1.2.3.4")]
[assembly: AssemblyTitle("Sample \u00e9")]
[assembly: Sample.Note("on the assembly", Level = 3)]

namespace Sample
{
    public enum Color : byte { Red = 1, Green = 2, Blue = 200 }

    [AttributeUsage(AttributeTargets.All, AllowMultiple = true)]
    public class NoteAttribute : Attribute
    {
        public int Level;
        public Type[] Types { get; set; }
        public object Any { get; set; }
        public NoteAttribute(string text) { }
        public NoteAttribute(Color color, params object[] rest) { }
        public NoteAttribute(Type type, double number, char letter, long[] numbers) { }
    }

    public interface IShape<out T> { T Area { get; } }
    public interface ISink<in T> where T : class, IComparable<T>, new() { void Put(T item); }

    [Note(Color.Blue, 1, "two", typeof(string), Color.Green, new[] { 'x' }, null)]
    [Note(typeof(List<int>), 2.5, 'q', new long[] { 1, -2 }, Types = new[] { typeof(int), null }, Any = Color.Red)]
    public abstract class Shape : IShape<double>, IDisposable
    {
        public const string Name = "sh\u00e4pe";
        public const long Big = -5000000000;
        public const Shape None = null;
        public const double Half = 0.5;
        public const Color Favourite = Color.Blue;
        protected volatile int state;
        static readonly int[] table = { 3, 1, 4, 1, 5, 9, 2, 6 };
        [ThreadStatic] static int perThread;

        public abstract double Area { get; }
        public event EventHandler<EventArgs> Changed;
        public int this[int i, string s] { get { return table[i]; } set { table[i] = value; } }
        void IDisposable.Dispose() { }
        public virtual T Convert<T, U>(U value, ref T other, out int[,] grid, params string[] rest)
            where T : struct where U : Shape, IShape<double>
        {
            grid = new int[2, 3];
            return other;
        }

        public class Inner<K> where K : new()
        {
            public K key;
            public Dictionary<K, List<Shape[]>> map;
            public struct Leaf { public int x; public K k; }
        }
    }

    [StructLayout(LayoutKind.Explicit, Size = 24, Pack = 4)]
    public struct Overlay
    {
        [FieldOffset(0)] public long whole;
        [FieldOffset(0)] public int low;
        [FieldOffset(4)] public int high;
        [FieldOffset(8)] public double number;
    }

    public unsafe struct Buffer
    {
        public fixed byte bytes[16];
        public int* pointer;
        public void** handle;
    }

    [StructLayout(LayoutKind.Sequential, CharSet = CharSet.Unicode)]
    public struct Native
    {
        [MarshalAs(UnmanagedType.ByValTStr, SizeConst = 260)] public string path;
        [MarshalAs(UnmanagedType.ByValArray, SizeConst = 4, ArraySubType = UnmanagedType.I2)] public short[] items;
        [MarshalAs(UnmanagedType.LPArray, SizeParamIndex = 1)] public int[] list;
        [MarshalAs(UnmanagedType.FunctionPtr)] public Action callback;
    }

    public static class Program
    {
        [DllImport("libc", EntryPoint = "getpid", SetLastError = true, CallingConvention = CallingConvention.Cdecl)]
        static extern int GetPid();

        [DllImport("libc", CharSet = CharSet.Ansi, ExactSpelling = true)]
        static extern IntPtr strlen([MarshalAs(UnmanagedType.LPStr)] string text);

        static int Sum(int first, __arglist)
        {
            var it = new ArgIterator(__arglist);
            while (it.GetRemainingCount() > 0) first += __refvalue(it.GetNextArg(), int);
            return first;
        }

        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.Synchronized)]
        static int Guarded(int n, string text = "default", double d = 1.25)
        {
            int result = 0;
            try
            {
                try { result = 10 / n; }
                catch (DivideByZeroException e) when (e.Message != null) { result = -1; }
                catch (OverflowException) { result = -2; }
                finally { result++; }
                foreach (var x in new List<int> { 1, 2 }) result += x;
            }
            catch { result = -3; }
            return result;
        }

        static unsafe int Pinned(byte[] data)
        {
            fixed (byte* p = data) { return p[0]; }
        }

        // Long enough for a fat body with fat clauses.
        static int Long(int n)
        {
            try
            {
                n = n * 31 + 7; n ^= n >> 3; n = n * 31 + 7; n ^= n >> 3; n = n * 31 + 7; n ^= n >> 3;
                n = n * 31 + 7; n ^= n >> 3; n = n * 31 + 7; n ^= n >> 3; n = n * 31 + 7; n ^= n >> 3;
                n = n * 31 + 7; n ^= n >> 3; n = n * 31 + 7; n ^= n >> 3; n = n * 31 + 7; n ^= n >> 3;
                n = n * 31 + 7; n ^= n >> 3; n = n * 31 + 7; n ^= n >> 3; n = n * 31 + 7; n ^= n >> 3;
                n = n * 31 + 7; n ^= n >> 3; n = n * 31 + 7; n ^= n >> 3; n = n * 31 + 7; n ^= n >> 3;
                n = n * 31 + 7; n ^= n >> 3; n = n * 31 + 7; n ^= n >> 3; n = n * 31 + 7; n ^= n >> 3;
                n = n * 31 + 7; n ^= n >> 3; n = n * 31 + 7; n ^= n >> 3; n = n * 31 + 7; n ^= n >> 3;
                n = n * 31 + 7; n ^= n >> 3; n = n * 31 + 7; n ^= n >> 3; n = n * 31 + 7; n ^= n >> 3;
            }
            finally { n++; }
            return n;
        }

        public static int Main(string[] args)
        {
            Console.WriteLine("Hello, \u4e16\u754c \ud83d\ude00");
            Console.WriteLine("");
            Console.WriteLine(Sum(1, __arglist(2, 3)));
            Func<int, int> twice = x => x * 2 + args.Length;
            IEnumerable<int> numbers = Numbers();
            foreach (var n in numbers) Console.WriteLine(twice(n));
            return Guarded(0) + Pinned(new byte[] { 1 }) + Long(3);
        }

        static IEnumerable<int> Numbers() { yield return 1; yield return 2; }
    }
}
