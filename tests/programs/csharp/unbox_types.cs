using System;

// Which boxes unbox as which types: integers and enums of one representation do, nullable enums only exactly.
enum E { A = 1, B }
enum F { A = 1 }
enum L : long { A = 1 }

class Program
{
    static string Try<T>(object o)
    {
        try { return ((T)o).ToString(); }
        catch (InvalidCastException) { return "-"; }
    }

    static void Main()
    {
        object[] boxes = { 1, E.A, F.A, 1u, 1L, L.A, (short)1, (ushort)1, 'a', true, (byte)1, (sbyte)1, (IntPtr)1, 1f, 1.0, 1m };
        foreach (object o in boxes)
        {
            Console.WriteLine("{0}: int {1} uint {2} E {3} F {4} L {5} long {6} ulong {7}", o.GetType(), Try<int>(o), Try<uint>(o), Try<E>(o),
                Try<F>(o), Try<L>(o), Try<long>(o), Try<ulong>(o));
            Console.WriteLine("  short {0} ushort {1} char {2} bool {3} byte {4} sbyte {5} float {6}", Try<short>(o), Try<ushort>(o),
                Try<char>(o), Try<bool>(o), Try<byte>(o), Try<sbyte>(o), Try<float>(o));
            Console.WriteLine("  int? {0} E? {1} F? {2} L? {3} long? {4}", Try<int?>(o), Try<E?>(o), Try<F?>(o), Try<L?>(o), Try<long?>(o));
            Console.WriteLine("  {0} {1} {2} {3} {4}", o is int, o is E, o is int?, o is E?, o as E?);
            try { Console.WriteLine("  {0}", (E?)o); }
            catch (InvalidCastException) { Console.WriteLine("  no E?"); }
        }
    }
}
